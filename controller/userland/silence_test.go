package userland_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// Started again with 2,000 settled Userlands, the controllers write nothing and
// list no kind twice; and to look at every Userland again, as the cache has them
// do from time to time, costs no request.
func TestThousandsAreSilent(t *testing.T) {
	const size, resync = 2000, 5 * time.Second
	w := classroom.New(t)
	w.Make(classroom.IDE(), w.Course())
	for part := range 8 {
		makeClass(w, size*part/8, size*(part+1)/8)
		stopped(w, int32(size*(part+1)/8))
	}
	w.Settled()

	w.Stop()
	clock := &countingClock{}
	w.Requests = &classroom.Requests{}
	w.StartShard(classroom.ShardOptions{Namespaces: map[string]cache.Config{w.Namespace: {}}, Resync: resync, Clock: clock, Watch: classroom.Watch})
	w.Settled()
	silent(w, "started again")

	asked, looked := len(w.Requests.All()), clock.asked.Load()
	w.Until(func() error {
		if more := clock.asked.Load() - looked; more < size {
			return fmt.Errorf("the cache has %d of %d Userlands looked at again", more, size)
		}
		return nil
	})
	w.Settled()
	if more := w.Requests.All()[asked:]; len(more) > 0 {
		t.Errorf("to look at everything again costs %d requests: %v", len(more), classroom.Tail(more, 10))
	}
}

// countingClock is the real one; every look at a Userland asks it.
type countingClock struct {
	classroom.ShiftedClock
	asked atomic.Int64
}

func (c *countingClock) Now() time.Time {
	c.asked.Add(1)
	return c.ShiftedClock.Now()
}

// makeClass creates the Userlands of two numbers and between over several
// connections. They are stopped, and have all that a carrel is made of.
func makeClass(w *classroom.Classroom, from, to int) {
	w.Helper()
	workers, ctx := errgroup.WithContext(w.Context())
	workers.SetLimit(16)
	for _, s := range classroom.Class(to)[from:] {
		s.SetNamespace(w.Namespace)
		// Nobody has to play 2,000 pods.
		s.(*v1alpha1.Userland).Spec.Enabled = ptr.To(false)
		workers.Go(func() error { return w.Create(ctx, s) })
	}
	if err := workers.Wait(); err != nil {
		w.Fatal(err)
	}
}

// stopped waits until the Course counts so many that are stopped.
func stopped(w *classroom.Classroom, count int32) {
	w.Helper()
	w.Until(func() error {
		course := classroom.Get[v1alpha1.Course](w, w.Namespace)
		if counts := course.Status.Userlands; counts == nil || counts.States[v1alpha1.StateDisabled] != count {
			return fmt.Errorf("the Course counts %+v, want %d stopped", counts, count)
		}
		return nil
	})
}

// silent fails if the controllers wrote anything, or listed a kind twice.
func silent(w *classroom.Classroom, when string) {
	w.Helper()
	if writes := w.Requests.Writes(); len(writes) > 0 {
		w.Errorf("%s with nothing to do, the controllers write: %v", when, classroom.Tail(writes, 10))
	}
	for path, times := range w.Requests.Lists() {
		if times > 1 {
			w.Errorf("%s, the controllers read %s %d times", when, path, times)
		}
	}
}
