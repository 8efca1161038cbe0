// Package conns bounds the connections of visitors. A connection counts for the address
// it comes from until somebody who is logged in sends a request over it, and for that
// user afterwards. A whole class may share an address. So, when an address has too many
// connections, its oldest one without a request is closed in favour of the new one.
// Nobody can then keep their neighbours out with connections that say nothing.
package conns

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
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

	mu        sync.Mutex
	sum       int
	byAddress map[string]int
	byUser    map[string]int
	// silent holds the connections without a login and without a request under way,
	// oldest first.
	silent *list.List
}

// New returns Connections. The function name returns the name under which an address is
// counted, "" for the address of a trusted proxy.
func New(b Bounds, name func(netip.Addr) string) *Connections {
	return &Connections{bounds: b, name: name, byAddress: map[string]int{}, byUser: map[string]int{}, silent: list.New()}
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
		if l.connections.add(one) {
			return one, nil
		}
		_ = accepted.Close()
	}
}

func (c *Connections) nameOf(remote net.Addr) string {
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return remote.String()
	}
	return c.name(at.Addr().Unmap())
}

// add counts a new connection. It closes an older one, if a bound is reached. If no other
// connection can be closed, it returns false.
func (c *Connections) add(one *conn) bool {
	c.mu.Lock()
	var victim *conn
	switch {
	case c.bounds.All > 0 && c.sum >= c.bounds.All:
		victim = c.oldestSilent("")
	case one.address != "" && c.bounds.PerAddress > 0 && c.byAddress[one.address] >= c.bounds.PerAddress:
		victim = c.oldestSilent(one.address)
	default:
		c.count(one)
		c.mu.Unlock()
		return true
	}
	if victim == nil {
		c.mu.Unlock()
		return false
	}
	c.forget(victim)
	c.count(one)
	c.mu.Unlock()
	_ = victim.Conn.Close() // not under the lock: the server's goroutine takes it from here
	return true
}

// oldestSilent returns the oldest silent connection of an address; of any, if it is "".
func (c *Connections) oldestSilent(address string) *conn {
	for at := c.silent.Front(); at != nil; at = at.Next() {
		if one := at.Value.(*conn); address == "" || one.address == address {
			return one
		}
	}
	return nil
}

func (c *Connections) count(one *conn) {
	one.counted = true
	c.sum++
	if one.address != "" {
		c.byAddress[one.address]++
		one.silent = c.silent.PushBack(one)
	}
}

// forget takes a connection out of the counts.
func (c *Connections) forget(one *conn) {
	if !one.counted {
		return
	}
	one.counted = false
	c.sum--
	c.unsilence(one)
	switch {
	case one.user != "":
		lower(c.byUser, one.user)
	case one.address != "":
		lower(c.byAddress, one.address)
	}
}

func (c *Connections) unsilence(one *conn) {
	if one.silent != nil {
		c.silent.Remove(one.silent)
		one.silent = nil
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
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateActive:
		c.unsilence(one)
	case http.StateIdle:
		if one.counted && one.user == "" && one.address != "" && one.silent == nil {
			one.silent = c.silent.PushBack(one)
		}
	case http.StateHijacked, http.StateClosed:
		c.forget(one)
	}
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
	defer c.mu.Unlock()
	if !one.counted || one.user == user {
		return true
	}
	if c.bounds.PerUser > 0 && c.byUser[user] >= c.bounds.PerUser {
		return false
	}
	if one.user != "" {
		lower(c.byUser, one.user)
	} else {
		lower(c.byAddress, one.address)
	}
	one.user = user
	c.byUser[user]++
	return true
}

// Open returns how many connections are counted.
func (c *Connections) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum
}

// conn is a counted connection. Its fields below Conn belong to the lock of all.
type conn struct {
	net.Conn
	all *Connections
	// address is the name of its address; "" if it is a trusted proxy's.
	address string
	// user is the user who sent the last request over it; "" before a login.
	user    string
	counted bool
	silent  *list.Element
}

// connOf returns the counted connection below TLS; nil if there is none.
func connOf(c net.Conn) *conn {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	one, _ := c.(*conn)
	return one
}

// Close closes the connection and takes it out of the counts.
func (c *conn) Close() error {
	c.all.mu.Lock()
	c.all.forget(c)
	c.all.mu.Unlock()
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
