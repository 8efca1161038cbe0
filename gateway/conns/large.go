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
const (
	// largeHead is the number of bytes, without a request that was taken, from which the
	// headers on a connection are taken to be too large. HTTP/2 compresses 32 KiB of headers
	// to as little as 20 KiB.
	largeHead = 16 << 10
	// largeAfter is the time after which these bytes are looked at.
	largeAfter = 2 * time.Second
	// spareFor is the time after a request with a body in which the rest of that body may
	// come.
	spareFor = 5 * time.Second
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
		one, _ := r.Context().Value(connKey{}).(*conn)
		if one == nil {
			next.ServeHTTP(rw, r)
			return
		}
		one.head.Store(0)
		c.mu.Lock()
		c.readLarge(one)
		c.mu.Unlock()
		// While it is under way its body may come, and HTTP/2 acknowledges what it receives:
		// the download of a large file brings more than largeHead.
		one.underWay.Add(1)
		defer func() {
			if r.ContentLength != 0 || r.Header.Get("Upgrade") != "" {
				one.bodyEnded.Store(time.Now().UnixNano())
			}
			one.head.Store(0)
			one.underWay.Add(-1)
		}()
		next.ServeHTTP(rw, r)
	})
}

// received counts bytes that came over a connection.
func (c *Connections) received(one *conn, n int) {
	if one.address == "" || c.large.listener == nil || one.underWay.Load() > 0 {
		return
	}
	if now := one.head.Add(int64(n)); now >= largeHead && now-int64(n) < largeHead {
		time.AfterFunc(largeAfter, func() { c.lookAtHead(one) })
	}
}

// lookAtHead remembers the address of a connection whose headers were too large, and closes
// the connection, so that the browser opens another one.
func (c *Connections) lookAtHead(one *conn) {
	now := time.Now()
	if one.head.Load() < largeHead || one.underWay.Load() > 0 || one.spare(now) {
		return
	}
	c.mu.Lock()
	c.remember(one.address, now)
	c.mu.Unlock()
	one.closeConn()
}

// spare reports whether the rest of a body that nobody reads may still come.
func (c *conn) spare(now time.Time) bool {
	return now.Sub(time.Unix(0, c.bodyEnded.Load())) < spareFor
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
