package reporter

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// holds keeps courses from being tried before their time, whatever else happens
// to them meanwhile. They live in memory only: after a restart each course is
// tried once more.
type holds struct {
	mu   sync.Mutex
	held map[types.NamespacedName]hold
}

type hold struct {
	until time.Time
	// attempt is what failed; another attempt is not held. Empty holds all.
	attempt string
}

func (h *holds) set(course types.NamespacedName, held hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = map[types.NamespacedName]hold{}
	}
	h.held[course] = held
}

func (h *holds) release(course types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, course)
}

// remaining is how long an attempt is still held; 0 when it may be made.
func (h *holds) remaining(course types.NamespacedName, attempt string, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	held, found := h.held[course]
	if !found || held.attempt != "" && held.attempt != attempt {
		return 0
	}
	return max(0, held.until.Sub(now))
}
