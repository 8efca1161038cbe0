// Package conns bounds the connections of visitors. A connection counts for the address
// it comes from until somebody who is logged in sends a request over it, and for that
// user afterwards. A whole class may share an address. So, when an address has too many
// connections, its oldest one without a request is closed in favour of the new one.
// Nobody can then keep their neighbours out with connections that say nothing. If each
// has a request under way, or is so new that its request may be on the way, the new
// connection waits.
package conns

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds are the largest numbers of connections. 0 means no bound.
type Bounds struct {
	// All bounds the connections of all visitors, PerAddress those of one address without
	// a login, and PerUser those of one user. WebSockets are not among them.
	All, PerAddress, PerUser int
}

// Connections holds the open connections.
type Connections struct {
	bounds Bounds
	// name returns the name under which an address is counted; "" means that the
	// connection is a trusted proxy's, which carries the requests of many users.
	name func(netip.Addr) string

	mu     sync.Mutex
	sum    int
	byUser map[string]int
	// addresses holds the connections of each address without a login, and all those
	// that are silent.
	addresses map[string]*address
	silent    silences
	// waiting holds the connections that wait for a place, in the order in which they
	// came.
	waiting *list.List
	// looking reports whether look is about to be called.
	looking bool
	large   large
	// http2 counts the connections of HTTP/2 without a login, and http2ByUser those of
	// each user.
	http2       int
	http2ByUser map[string]int
	// turns has an element for each handshake that computes.
	turns chan struct{}
}

// address holds the connections of an address.
type address struct {
	count  int
	silent silences
}

// New returns Connections. The function name returns the name under which an address is
// counted, "" for the address of a trusted proxy.
func New(b Bounds, name func(netip.Addr) string) *Connections {
	return &Connections{
		bounds: b, name: name, byUser: map[string]int{}, addresses: map[string]*address{}, silent: newSilences(), waiting: list.New(),
		large: large{addresses: map[string]largeAddress{}}, http2ByUser: map[string]int{}, turns: newTurns(),
	}
}

// Listener returns a listener whose connections are counted.
func (c *Connections) Listener(l net.Listener) net.Listener { return &listener{l, c} }

type listener struct {
	net.Listener
	connections *Connections
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		one := &conn{Conn: accepted, all: l.connections, address: l.connections.nameOf(accepted.RemoteAddr())}
		switch {
		case !l.connections.add(one):
			_ = accepted.Close()
		case !l.connections.divert(one, time.Now()):
			return one, nil
		}
	}
}

func (c *Connections) nameOf(remote net.Addr) string {
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return remote.String()
	}
	return c.name(at.Addr().Unmap())
}

// add counts a new connection, or lets it wait for a place. It returns false if too many
// wait already.
func (c *Connections) add(one *conn) bool {
	now := time.Now()
	c.mu.Lock()
	victim, ok := c.place(one, now, settleFor)
	if !ok && c.waiting.Len() < maxWaiting {
		c.wait(one)
		ok = true
	} else if !ok {
		victim, ok = c.place(one, now, 0)
	}
	c.mu.Unlock()
	victim.closeConn() // not under the lock: the server's goroutine takes it from here
	return ok
}

// place counts a connection, if there is room for it, or if a silent connection can be
// closed in its favour. The caller closes the victim, which may be nil. New connections
// are no victims until they are of an age.
func (c *Connections) place(one *conn, now time.Time, age time.Duration) (victim *conn, ok bool) {
	of := c.addresses[one.address]
	switch {
	case c.bounds.All > 0 && c.sum >= c.bounds.All:
		victim = c.silent.victim(now, age)
	case one.address != "" && of != nil && c.bounds.PerAddress > 0 && of.count >= c.bounds.PerAddress:
		victim = of.silent.victim(now, age)
	default:
		c.count(one, now)
		return nil, true
	}
	if victim == nil {
		return nil, false
	}
	c.forget(victim)
	c.count(one, now)
	return victim, true
}

func (c *Connections) count(one *conn, now time.Time) {
	one.counted = true
	c.sum++
	if one.address == "" {
		return
	}
	if c.addresses[one.address] == nil {
		c.addresses[one.address] = &address{silent: newSilences()}
	}
	c.addresses[one.address].count++
	c.silence(one, now, false)
}

// forget takes a connection out of the counts.
func (c *Connections) forget(one *conn) {
	if !one.counted {
		return
	}
	one.counted = false
	c.sum--
	c.unsilence(one)
	c.leaveHTTP2(one)
	switch {
	case one.user != "":
		lower(c.byUser, one.user)
	case one.address != "":
		c.leaveAddress(one)
	}
}

func (c *Connections) leaveAddress(one *conn) {
	of := c.addresses[one.address]
	if of.count--; of.count == 0 {
		delete(c.addresses, one.address)
	}
}

func lower(counts map[string]int, name string) {
	if counts[name]--; counts[name] <= 0 {
		delete(counts, name)
	}
}

// State follows a connection. It is http.Server.ConnState.
func (c *Connections) State(of net.Conn, state http.ConnState) {
	one := connOf(of)
	if one == nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	switch state {
	case http.StateActive:
		c.unsilence(one)
	case http.StateIdle:
		if one.greeted || !isHTTP2(of) {
			c.settle(one, now)
		}
		one.greeted = true
		if one.counted && one.user == "" && one.address != "" && one.ofAll == nil {
			c.silence(one, now, !isHTTP2(of))
		}
	case http.StateHijacked, http.StateClosed:
		c.forget(one)
	}
	victim := c.next(now)
	c.mu.Unlock()
	victim.closeConn()
}

// isHTTP2 reports whether a connection speaks HTTP/2. The server calls such a connection
// idle before its first request, and before its last answer is sent.
func isHTTP2(of net.Conn) bool {
	secured, ok := of.(*tls.Conn)
	return ok && secured.ConnectionState().NegotiatedProtocol == "h2"
}

// Context adds a connection to the context of its requests. It is http.Server.ConnContext.
func (c *Connections) Context(ctx context.Context, of net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, connOf(of))
}

type connKey struct{}

// Known records that the connection of a request is a user's. It returns false if the user
// has too many connections; the caller then refuses the request and closes the connection.
func Known(ctx context.Context, user string) bool {
	one, _ := ctx.Value(connKey{}).(*conn)
	if one == nil || one.address == "" {
		return true
	}
	return one.all.known(one, user)
}

func (c *Connections) known(one *conn, user string) bool {
	c.mu.Lock()
	ok := c.setUser(one, user)
	victim := c.next(time.Now())
	c.mu.Unlock()
	victim.closeConn()
	return ok
}

// setUser counts a connection for a user instead of its address. It returns false if the
// user has too many.
func (c *Connections) setUser(one *conn, user string) bool {
	if !one.counted || one.user == user {
		return true
	}
	if c.bounds.PerUser > 0 && c.byUser[user] >= c.bounds.PerUser || !c.mayHTTP2(one, user) {
		return false
	}
	c.leaveHTTP2(one)
	if one.user != "" {
		lower(c.byUser, one.user)
	} else {
		c.unsilence(one)
		c.leaveAddress(one)
	}
	one.user = user
	c.byUser[user]++
	if one.http2 {
		c.http2ByUser[user]++
	}
	return true
}

// Open returns how many connections are counted.
func (c *Connections) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum
}

// conn is a counted connection. Its fields from user on belong to the lock of all.
type conn struct {
	net.Conn
	all *Connections
	// address is the name of its address; "" if it is a trusted proxy's.
	address string
	// turn is closed when a connection that waits has a place or is closed; nil if it
	// did not wait.
	turn chan struct{}
	// user is the user who sent the last request over it; "" before a login.
	user    string
	counted bool
	// since is the time since which it is silent.
	since time.Time
	// ofAll and ofAddress are its places among the silent ones, and waits that among
	// those that wait; each is nil if it is not there.
	ofAll, ofAddress, waits *list.Element
	// answered reports whether it is silent after an answer that was sent.
	answered bool
	// large reports whether the second server reads its headers.
	large bool
	// http2 reports whether HTTP/2 was offered on it.
	http2 bool

	// greeted reports whether it was idle before. A connection of HTTP/2 is so before its
	// first request, whose body may have come already.
	greeted bool

	// computes reports whether its handshake has one of turns.
	computes atomic.Bool
	// received is the number of bytes that came since the last request that was taken was
	// answered, and taken reports whether a request was taken since.
	received atomic.Int64
	taken    atomic.Bool
}

// connOf returns the counted connection below TLS; nil if there is none.
func connOf(c net.Conn) *conn {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	one, _ := c.(*conn)
	return one
}

// closeConn closes a connection that is no longer counted; nothing if it is nil.
func (c *conn) closeConn() {
	if c != nil {
		_ = c.Conn.Close()
	}
}

// Read waits until the connection has a place.
func (c *conn) Read(p []byte) (int, error) {
	if c.turn != nil {
		c.all.await(c)
	}
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

// Write writes, and ends the computation of a handshake.
func (c *conn) Write(p []byte) (int, error) {
	c.giveTurn()
	return c.Conn.Write(p)
}

// Close closes the connection and takes it out of the counts.
func (c *conn) Close() error {
	c.giveTurn()
	c.all.leave(c)
	return c.Conn.Close()
}

// CloseWrite shuts down the direction to the visitor, so that the last answer arrives
// before the connection is closed.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
