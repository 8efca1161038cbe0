package lifecycle_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
)

// knownBreaches are the faults of today, with what has to be mended. A fault that is
// not listed fails the test, and so does one that is listed and no longer found.
var knownBreaches = map[string]string{
	"nobody in a session is restarted: Immediate":           "the plan of a roll-out knows no timetable",
	"nobody in a session is restarted: deadline":            "the plan of a roll-out knows no timetable",
	"nobody is starting for ever: its program hangs":        "a pod that never starts its containers is no trouble to package health",
	"who works is restarted only for a reason: OnNextStart": "a carrel that came up while no controller ran is not known to have worked",
	"nobody in a session is restarted: OnNextStart":         "a carrel that came up while no controller ran is not known to have worked",

	"who works is restarted only for a reason: its revision is lost": "the status forgets the revision of a carrel that runs with a lost one",
	"nobody in a session is restarted: its revision is lost":         "the status forgets the revision of a carrel that runs with a lost one",

	"what is recorded as honoured was carried out: a restart while the revision is not known": "of a carrel whose revision is lost, only the number of replicas is decided",

	"a settled world writes nothing: refused, and its pod fails":           "Conclude keeps the event of the first conclusion, so that each attempt reports it",
	"a settled world writes nothing: a restart waits for a revision":       "each look takes the restart for a start, though it can't be carried out",
	"nothing changes before the next look: a restart waits for a revision": "each look takes the restart for a start, though it can't be carried out",
	"nothing changes before the next look: refused, and its pod fails":     "Conclude keeps the event of the first conclusion, so that each attempt reports it",
	"nothing changes before the next look: activity is in the future":      "activity reported by a clock that is ahead undoes a stop a second later",

	"time alone writes little: a stop is refused, and the software is asked before each attempt": "while the software is asked, the status forgets the refusal",
}

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

// report fails for each fault that is not known, with its shortest history.
func (r *results) report(t *testing.T, count int) {
	for _, name := range slices.Sorted(maps.Keys(r.faults)) {
		f := r.faults[name]
		if why, known := knownBreaches[name]; known {
			t.Logf("known: %s, in %d histories: %s", name, f.count, why)
			continue
		}
		h, v := shrink(f.history, name)
		t.Errorf("%s\n%s\nfound in %d histories, first in number %d; the shortest history:\n%s", name, v.detail, f.count, f.first, h.told())
	}
	for _, name := range slices.Sorted(maps.Keys(knownBreaches)) {
		if r.faults[name] == nil && count >= 10000 {
			t.Errorf("%s: it is listed as known and was not found: remove it from knownBreaches", name)
		}
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
