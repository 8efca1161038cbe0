// Package limit bounds how often each of many people or addresses does something.
package limit

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Limiter keeps one token bucket for each name. It is safe for concurrent use.
type Limiter struct {
	every  rate.Limit
	burst  int
	byName *lru.Cache[string, *rate.Limiter]
}

// New returns a Limiter that allows each name a burst at once, and afterwards every
// per second. It keeps the buckets of most names; of more, it forgets the one that was
// not asked about for the longest time. It panics if most is not positive.
func New(every rate.Limit, burst, most int) *Limiter {
	byName, err := lru.New[string, *rate.Limiter](most)
	if err != nil {
		panic(err)
	}
	return &Limiter{every: every, burst: burst, byName: byName}
}

// Allow reports whether name may do it now, and counts it if so.
func (l *Limiter) Allow(name string, now time.Time) bool {
	bucket, found := l.byName.Get(name)
	if !found {
		bucket = rate.NewLimiter(l.every, l.burst)
		if other, found, _ := l.byName.PeekOrAdd(name, bucket); found {
			bucket = other // another request was faster
		}
	}
	return bucket.AllowN(now, 1)
}
