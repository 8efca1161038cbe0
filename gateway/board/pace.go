package board

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// askEvery and askAtOnce bound what one person asks of carrels: each is a write
	// for the API server. An assistant who restarts a row of seats is not held up.
	askEvery  = time.Second
	askAtOnce = 20
	// paces is for how many people a pace is kept before it is looked who went.
	paces = 1000
)

// pace is how fast each person asks.
type pace struct {
	mu     sync.Mutex
	byUser map[string]*rate.Limiter
}

// allows reports whether somebody may ask now.
func (p *pace) allows(user string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byUser) >= paces {
		for name, limiter := range p.byUser {
			if limiter.TokensAt(now) >= askAtOnce {
				delete(p.byUser, name)
			}
		}
	}
	limiter := p.byUser[user]
	if limiter == nil {
		if p.byUser == nil {
			p.byUser = map[string]*rate.Limiter{}
		}
		limiter = rate.NewLimiter(rate.Every(askEvery), askAtOnce)
		p.byUser[user] = limiter
	}
	return limiter.AllowN(now, 1)
}
