package auth

import (
	"container/list"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses bounds the memory of the limit: of more, the one unseen longest is
// forgotten.
const maxAddresses = 10_000

// limiter bounds how often one address logs in.
type limiter struct {
	every rate.Limit
	burst int

	mu     sync.Mutex
	order  *list.List // of *visitor, the last seen first
	byName map[string]*list.Element
}

type visitor struct {
	name  string
	limit *rate.Limiter
}

func newLimiter(c LimitConfig) *limiter {
	return &limiter{every: rate.Limit(c.PerSecond), burst: c.Burst, order: list.New(), byName: map[string]*list.Element{}}
}

// allow tells whether an address may log in now.
func (l *limiter) allow(name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.byName[name]
	if e == nil {
		if l.order.Len() >= maxAddresses {
			oldest := l.order.Back()
			delete(l.byName, l.order.Remove(oldest).(*visitor).name)
		}
		e = l.order.PushFront(&visitor{name, rate.NewLimiter(l.every, l.burst)})
		l.byName[name] = e
	}
	l.order.MoveToFront(e)
	return e.Value.(*visitor).limit.AllowN(now, 1)
}

// peer is the address a request's connection comes from.
func peer(r *http.Request) string {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return address.Addr().String()
}

// network is whom an address is counted for: of IPv6 its network of 64 bits, since one
// person has that many.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	net, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return net.String()
}
