package lifecycle_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	seed      = flag.Uint64("history.seed", 1, "seed of the random histories")
	histories = flag.Int("history.count", 10000, "number of random histories; a tenth of it with -short")
)

// reorderEvery is how many histories are played for each that is played in another
// order too.
const reorderEvery = 5

// length is the number of steps of a history.
const length = 30

// A history is what happens to a class.
type history []step

// String returns the history as sentences.
func (h history) String() string {
	var b strings.Builder
	for i, s := range h {
		fmt.Fprintf(&b, "%3d. %s\n", i+1, s)
	}
	return b.String()
}

// play plays the history and returns the violations and the end state.
func (h history) play(backwards bool) (found []violation, end string) {
	c := newCluster(backwards)
	h.playIn(c)
	return c.found, c.end()
}

func (h history) playIn(c *cluster) {
	c.settle()
	for _, s := range h {
		for _, seat := range c.seats {
			seat.writes, seat.looked = 0, false
		}
		e := events[s.event]
		c.tracef("%s", s)
		e.play(c, c.seats[s.who], s.arg)
		c.settle()
		c.checkRest(e)
	}
	c.tracef("All trouble ends.")
	c.finish()
}

const orderInvariant = "the same end state whatever the order of events"

// check plays the history and returns all violations. If both is set, it plays the
// history in another order too, and compares the ends.
func (h history) check(both bool) []violation {
	found, end := h.play(false)
	if !both {
		return found
	}
	if _, other := h.reordered().play(true); other != end {
		found = append(found, violation{invariant: orderInvariant, detail: "in order:\n" + end + "in another order:\n" + other})
	}
	return found
}

// reordered returns the history with neighbours swapped that happen at one moment to
// different subjects.
func (h history) reordered() history {
	other := slices.Clone(h)
	for i := 0; i+1 < len(other); i++ {
		if other[i].commutes(other[i+1]) {
			other[i], other[i+1] = other[i+1], other[i]
			i++
		}
	}
	return other
}

func randomHistory(n int) history {
	random := rand.New(rand.NewPCG(*seed, uint64(n)))
	h := make(history, length)
	for i := range h {
		h[i] = randomStep(random)
	}
	return h
}

// TestHistories checks the decision on random histories against the invariants,
// which are the sentences that a failure begins with.
func TestHistories(t *testing.T) {
	count := *histories
	if testing.Short() {
		count /= 10
	}
	t.Logf("%d histories of %d steps, -history.seed=%d", count, length, *seed)
	// A history is garbage as soon as it is played.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	r := newResults()
	var workers sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for n := worker; n < count; n += runtime.GOMAXPROCS(0) {
				h := randomHistory(n)
				r.add(n, h, h.check(n%reorderEvery == 0))
			}
		})
	}
	workers.Wait()
	r.report(t)
}
