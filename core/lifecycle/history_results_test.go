package lifecycle_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
)

// results are what all histories have shown. They are safe for concurrent use.
type results struct {
	mutex sync.Mutex
	// faults holds, by fault, how many histories have it, and the first of them.
	faults map[string]*fault
	// pairs counts how often an event came right after another.
	pairs map[[2]int]int
}

// A fault is a violation that some histories have.
type fault struct {
	count, first int
	history      history
	violation    violation
}

func newResults() *results {
	return &results{faults: map[string]*fault{}, pairs: map[[2]int]int{}}
}

func (r *results) add(n int, h history, found []violation) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for i := range h[1:] {
		r.pairs[[2]int{h[i].event, h[i+1].event}]++
	}
	seen := map[string]bool{}
	for _, v := range found {
		name := v.fault()
		if seen[name] {
			continue
		}
		seen[name] = true
		known := r.faults[name]
		if known == nil {
			known = &fault{first: n, history: h, violation: v}
			r.faults[name] = known
		}
		known.count++
		if n < known.first {
			known.first, known.history, known.violation = n, h, v
		}
	}
}

// report fails for each fault, with its shortest history.
func (r *results) report(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(r.faults)) {
		f := r.faults[name]
		h, v := shrink(f.history, name)
		t.Errorf("%s\n%s\nfound in %d histories, first in number %d; the shortest history:\n%s", name, v.detail, f.count, f.first, h.told())
	}
	all := len(events) * len(events)
	t.Logf("%d of %d pairs of events, one right after the other, were seen", len(r.pairs), all)
	for a := range events {
		for b := range events {
			if r.pairs[[2]int{a, b}] == 0 && all-len(r.pairs) <= fewPairs {
				t.Logf("not seen: %q, then %q", events[a].says, events[b].says)
			}
		}
	}
}

// fewPairs is how many pairs that were not seen are listed.
const fewPairs = 40

// shrink drops steps for as long as the history has the fault.
func shrink(h history, name string) (history, violation) {
	var last violation
	has := func(h history) bool {
		for _, v := range h.check(name == orderInvariant) {
			if v.fault() == name {
				last = v
				return true
			}
		}
		return false
	}
	for shorter := true; shorter; {
		shorter = false
		for i := len(h) - 1; i >= 0; i-- {
			if without := slices.Delete(slices.Clone(h), i, i+1); has(without) {
				h, shorter = without, true
			}
		}
	}
	has(h)
	return h, last
}
