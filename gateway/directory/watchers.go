package directory

import "sync"

// watchers holds the channels of Watch, by course.
type watchers struct {
	mu sync.Mutex
	by map[string]map[chan struct{}]bool
}

// Watch returns a channel that receives a value after anything of a course changes, and a
// function that ends this. Changes that come before the last value was received are
// merged with it.
func (x *Index) Watch(course string) (<-chan struct{}, func()) {
	w := &x.watchers
	changed := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[course] == nil {
		w.by[course] = map[chan struct{}]bool{}
	}
	w.by[course][changed] = true
	return changed, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.by[course], changed)
		if len(w.by[course]) == 0 {
			delete(w.by, course)
		}
	}
}

func (w *watchers) notify(course string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for changed := range w.by[course] {
		select {
		case changed <- struct{}{}:
		default: // the last value was not received yet
		}
	}
}
