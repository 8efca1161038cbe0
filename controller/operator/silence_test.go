package operator_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Started again with 2,000 settled Userlands, the controllers write nothing and
// list no kind twice; and to look at every Userland again, as the cache has them
// do from time to time, costs no request.
func TestThousandsAreSilent(t *testing.T) {
	const size, resync = 2000, 5 * time.Second
	w := newWorld(t)
	template := ide()
	// They sleep, so nobody has to play 2,000 pods.
	template.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}
	w.make(template, w.course())
	for part := range 8 {
		w.makeClass(size*part/8, size*(part+1)/8)
		w.asleep(int32(size * (part + 1) / 8))
	}
	w.settled()

	w.stop()
	clock := &countingClock{}
	w.requests = &requests{}
	w.startShard(shardOptions{namespaces: map[string]cache.Config{w.namespace: {}}, resync: resync, clock: clock})
	w.settled()
	w.silent("started again")

	asked, looked := len(w.requests.all()), clock.asked.Load()
	w.until(func() error {
		if more := clock.asked.Load() - looked; more < size {
			return fmt.Errorf("the cache has %d of %d Userlands looked at again", more, size)
		}
		return nil
	})
	w.settled()
	if more := w.requests.all()[asked:]; len(more) > 0 {
		t.Errorf("to look at everything again costs %d requests: %v", len(more), tail(more, 10))
	}
}

// countingClock is the real one; every look at a Userland asks it.
type countingClock struct {
	shiftedClock
	asked atomic.Int64
}

func (c *countingClock) Now() time.Time {
	c.asked.Add(1)
	return c.shiftedClock.Now()
}

// makeClass creates the Userlands of two numbers and between over several
// connections.
func (w *world) makeClass(from, to int) {
	w.Helper()
	workers, ctx := errgroup.WithContext(w.Context())
	workers.SetLimit(16)
	for _, s := range class(to)[from:] {
		s.SetNamespace(w.namespace)
		workers.Go(func() error { return w.Create(ctx, s) })
	}
	if err := workers.Wait(); err != nil {
		w.Fatal(err)
	}
}

// asleep waits until the Course counts so many asleep.
func (w *world) asleep(count int32) {
	w.Helper()
	w.until(func() error {
		course := get[v1alpha1.Course](w, w.namespace)
		if counts := course.Status.Userlands; counts == nil || counts.States[v1alpha1.StateAsleep] != count {
			return fmt.Errorf("the Course counts %+v, want %d asleep", counts, count)
		}
		return nil
	})
}

// silent fails if the controllers wrote anything, or listed a kind twice.
func (w *world) silent(when string) {
	w.Helper()
	if writes := w.requests.writes(); len(writes) > 0 {
		w.Errorf("%s with nothing to do, the controllers write: %v", when, tail(writes, 10))
	}
	for path, times := range w.requests.lists() {
		if times > 1 {
			w.Errorf("%s, the controllers read %s %d times", when, path, times)
		}
	}
}

// lists counts the requests so far that read the objects of the namespace.
func (r *requests) lists() map[string]int {
	counts := map[string]int{}
	for _, made := range r.all() {
		if path, read := strings.CutPrefix(made, http.MethodGet+" "); read && strings.Contains(path, "/namespaces/") {
			counts[path]++
		}
	}
	return counts
}
