package conns

import (
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"slices"
	"time"
)

// turnWithin bounds how long a new connection waits for the computation of its handshake.
const turnWithin = 10 * time.Second

var errNoTurn = errors.New("too many new connections: the handshake found no turn")

// Secure returns a listener that speaks TLS over the connections of Listener or Large, by
// a configuration without protocols.
//
// A handshake computes for a millisecond, and a request for some fifty microseconds. So at
// most half of the processors compute handshakes, and the others wait without a place in
// the scheduler's queue. Whoever opens connections all the time then holds up new
// connections, and not the requests over those that are open.
func (c *Connections) Secure(l net.Listener, config *tls.Config) net.Listener {
	both, one := config.Clone(), config.Clone()
	both.NextProtos, one.NextProtos = []string{"h2", "http/1.1"}, []string{"http/1.1"}
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if err := c.takeTurn(hello.Context().Done(), connOf(hello.Conn)); err != nil {
			return nil, err
		}
		if slices.Contains(hello.SupportedProtos, "h2") && c.offerHTTP2(connOf(hello.Conn)) {
			return both, nil
		}
		return one, nil
	}
	return tls.NewListener(l, config)
}

// newTurns returns a semaphore of the handshakes that compute at the same time.
func newTurns() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)) }

// takeTurn waits until the handshake of a connection may compute. It does until the
// server's answer is written. The channel done is closed when the handshake is given up.
func (c *Connections) takeTurn(done <-chan struct{}, one *conn) error {
	timer := time.NewTimer(turnWithin)
	defer timer.Stop()
	select {
	case c.turns <- struct{}{}:
		one.computes.Store(true)
		return nil
	case <-done:
		return errNoTurn
	case <-timer.C:
		return errNoTurn
	}
}

// giveTurn lets the next handshake compute, if that of a connection did.
func (c *conn) giveTurn() {
	if c.computes.Swap(false) {
		<-c.all.turns
	}
}
