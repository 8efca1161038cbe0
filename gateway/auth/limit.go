package auth

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/carrel-dev/carrel/gateway/limit"
)

const (
	// maxNames bounds how many addresses or browsers are counted.
	maxNames = 10_000
	// browserEvery and browserBurst bound the logins of one browser. A browser that opens
	// its tabs again may begin a login in each.
	browserEvery = 2 * time.Second
	browserBurst = 60
	// exchanges bounds the logins of one address that are checked at a provider at the
	// same time. Others wait for their turn.
	exchanges = 64
)

// logins bounds logins. A login whose state and cookie are those of its browser counts
// for that browser only. So nobody can use up what their neighbours behind the same
// address need.
type logins struct {
	begins, returns *limit.Limiter
	// failures counts, for an address, the callbacks that no login of their browser
	// belongs to, and those that the provider refuses. It bounds only such callbacks.
	failures *limit.Limiter
	turns    turns
}

func newLogins(c LimitConfig) logins {
	browsers := func() *limit.Limiter { return limit.New(rate.Every(browserEvery), browserBurst, maxNames) }
	return logins{begins: browsers(), returns: browsers(), failures: limit.New(rate.Limit(c.PerSecond), c.Burst, maxNames)}
}

// turns lets the requests of one address go on in the order in which they came, a bounded
// number at a time.
type turns struct {
	mu        sync.Mutex
	byAddress map[string]*turn
}

type turn struct {
	slots *semaphore.Weighted
	// asked counts the requests that hold a slot or wait for one.
	asked int
}

// take waits for the turn of a request of an address. It returns the function that ends
// the turn; false if the context ended before.
func (t *turns) take(ctx context.Context, address string) (func(), bool) {
	t.mu.Lock()
	if t.byAddress == nil {
		t.byAddress = map[string]*turn{}
	}
	of := t.byAddress[address]
	if of == nil {
		of = &turn{slots: semaphore.NewWeighted(exchanges)}
		t.byAddress[address] = of
	}
	of.asked++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if of.asked--; of.asked == 0 {
			delete(t.byAddress, address)
		}
	}
	if of.slots.Acquire(ctx, 1) != nil {
		leave()
		return nil, false
	}
	return func() { of.slots.Release(1); leave() }, true
}

// peer returns the address that a request's connection comes from.
func peer(r *http.Request) string {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return address.Addr().String()
}
