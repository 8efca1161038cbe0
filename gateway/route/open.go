package route

import (
	"context"
	"sync"

	"github.com/carrel-dev/carrel/gateway/auth"
)

// open describes something that a visitor has open for long: an upgraded connection, an
// answer without an end, or a page that listens.
type open struct {
	visitor auth.Identity
	login   auth.Login
	// course and name are those of the carrel; empty for a page of the gateway's own.
	course, name string
}

// stream is an answer without a known end. Its function ends it.
type stream struct {
	open
	end func()
}

// set holds what is open.
type set[T comparable] struct {
	mu  sync.Mutex
	all map[T]bool
	// empty is closed when the last one is removed; nil if nothing waits for that.
	empty chan struct{}
}

func (s *set[T]) add(one T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[T]bool{}
	}
	s.all[one] = true
}

func (s *set[T]) remove(one T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one)
	if len(s.all) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

func (s *set[T]) list() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]T, 0, len(s.all))
	for one := range s.all {
		all = append(all, one)
	}
	return all
}

// wait waits until nothing is open, or the context ends. It reports whether nothing is
// open.
func (s *set[T]) wait(ctx context.Context) bool {
	s.mu.Lock()
	if len(s.all) == 0 {
		s.mu.Unlock()
		return true
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.mu.Unlock()
	select {
	case <-empty:
		return true
	case <-ctx.Done():
		return false
	}
}
