package directory

import "sync"

// watchers are told that something of a course changed.
type watchers struct {
	mu sync.Mutex
	by map[string]map[chan struct{}]bool
}

// Watch gives a channel on which something is heard after anything of a course
// changed, and what ends it. Changes nobody has heard of yet are told as one.
func (x *Index) Watch(course string) (<-chan struct{}, func()) {
	w := &x.watchers
	told := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[course] == nil {
		w.by[course] = map[chan struct{}]bool{}
	}
	w.by[course][told] = true
	return told, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.by[course], told)
		if len(w.by[course]) == 0 {
			delete(w.by, course)
		}
	}
}

func (w *watchers) tell(course string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for told := range w.by[course] {
		select {
		case told <- struct{}{}:
		default: // has not heard of the last one yet
		}
	}
}
