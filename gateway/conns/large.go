package conns

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// A server refuses large headers before its handler sees them, with an answer that is fixed.
// A browser whose cookies are too large would get that answer for ever. So the next
// connections from its address go to a second server, which reads large headers and can
// delete the cookies. These connections are few, because each may take much memory.
//
// One server that reads large headers of everybody would be simpler, and would answer on
// the first connection. Its memory has no bound. HTTP/2 compresses a header to one byte, so
// 6 KiB become headers as large as the server reads. The handler sees them when they are
// complete, and below TLS they can't be told from the acknowledgements of a download.
const (
	// largeHead is the number of bytes without a request that was taken from which the
	// headers were too large. HTTP/2 compresses 32 KiB of cookies to as little as 20 KiB.
	largeHead = 16 << 10
	// closeAfter is the time that a refused browser has to read the answer, before its
	// connection is closed and it opens another one.
	closeAfter = time.Second
	// largeFor is the time for which an address is remembered, and largeNext the number of
	// its next connections that go to the second server.
	largeFor  = time.Minute
	largeNext = 4
	// maxLarge bounds the connections whose large headers are read at the same time, and
	// maxLargeAddresses the addresses that are remembered.
	maxLarge, maxLargeAddresses = 16, 1000
)

// large holds the addresses that sent headers that were too large.
type large struct {
	// listener receives their next connections; nil if there is no second server.
	listener  *largeListener
	addresses map[string]largeAddress
	// reading counts the connections whose headers the second server reads.
	reading int
}

type largeAddress struct {
	until time.Time
	next  int
}

// Large returns the listener of the second server. It receives the next connections of an
// address after headers from there were too large. It is called once, before Listener.
func (c *Connections) Large(address net.Addr) net.Listener {
	c.large.listener = &largeListener{address: address, accepted: make(chan net.Conn, maxLarge), done: make(chan struct{})}
	return c.large.listener
}

// Handler returns a handler that records for each request that its headers were taken.
func (c *Connections) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if one, _ := r.Context().Value(connKey{}).(*conn); one != nil {
			one.taken.Store(true)
			c.mu.Lock()
			c.readLarge(one)
			c.mu.Unlock()
		}
		next.ServeHTTP(rw, r)
	})
}

// settle is called when a connection has no request under way any more. If much was received
// and no request was taken, the server has refused large headers, and settle remembers the
// address.
func (c *Connections) settle(one *conn, now time.Time) {
	received, taken := one.received.Load(), one.taken.Swap(false)
	if !taken && received < largeHead {
		return
	}
	one.received.Store(0)
	if taken || one.address == "" || c.large.listener == nil {
		return
	}
	c.remember(one.address, now)
	// A connection of HTTP/2 would stay open, and be used again.
	_ = one.SetReadDeadline(now.Add(closeAfter))
}

func (c *Connections) remember(address string, now time.Time) {
	for other, of := range c.large.addresses {
		if now.After(of.until) {
			delete(c.large.addresses, other)
		}
	}
	if len(c.large.addresses) < maxLargeAddresses {
		c.large.addresses[address] = largeAddress{now.Add(largeFor), largeNext}
	}
}

// divert passes a new connection to the second server, if its address is remembered and few
// are there. Otherwise it returns false.
func (c *Connections) divert(one *conn, now time.Time) bool {
	c.mu.Lock()
	of, found := c.large.addresses[one.address]
	if !found || now.After(of.until) || of.next == 0 || c.large.reading >= maxLarge {
		c.mu.Unlock()
		return false
	}
	of.next--
	c.large.addresses[one.address] = of
	c.large.reading++
	one.large = true
	c.mu.Unlock()
	return c.large.listener.pass(one)
}

// readLarge records that the headers on a connection were read, or that it was closed.
func (c *Connections) readLarge(one *conn) {
	if one.large {
		one.large = false
		c.large.reading--
	}
}

// largeListener is the listener of the second server.
type largeListener struct {
	address  net.Addr
	accepted chan net.Conn
	done     chan struct{}
	once     sync.Once
}

// pass returns false if the listener is closed.
func (l *largeListener) pass(one *conn) bool {
	select {
	case <-l.done:
		return false
	case l.accepted <- one:
		return true
	}
}

func (l *largeListener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, net.ErrClosed
	case one := <-l.accepted:
		return one, nil
	}
}

func (l *largeListener) Addr() net.Addr { return l.address }

func (l *largeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}
