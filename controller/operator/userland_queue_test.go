package operator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// states counts the class by state.
func (w *world) states() map[string]int {
	w.Helper()
	list := &v1alpha1.UserlandList{}
	if err := w.List(w.Context(), list, client.InNamespace(w.namespace)); err != nil {
		w.Fatal(err)
	}
	counts := map[string]int{}
	for i := range list.Items {
		counts[list.Items[i].Status.State]++
	}
	return counts
}

// stand waits until the class stands so.
func (w *world) stand(want map[string]int) {
	w.Helper()
	w.until(func() error {
		if diff := cmp.Diff(want, w.states()); diff != "" {
			return fmt.Errorf("states of the class (-want +got):\n%s", diff)
		}
		return nil
	})
}

// bounded is the Course of the namespace in which so many start at once.
func (w *world) bounded(limit int32) *v1alpha1.Course {
	c := w.course()
	c.Spec.MaxStarting = &limit
	return c
}

func TestSoManyStartAtOnce(t *testing.T) {
	w := newWorld(t)
	w.paused.Store(true)
	w.playCluster()
	w.make(ide(), w.bounded(2))
	w.make(class(6)...)
	want := map[string]int{v1alpha1.StateStarting: 2, v1alpha1.StateQueued: 4}
	w.stand(want)
	w.settled()
	// Who comes after a restart of the controller knows who is starting.
	w.stop()
	w.start()
	w.settled()
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("after a restart of the controller (-want +got):\n%s", diff)
	}
	if writes := w.requests.writes(); len(writes) > 0 {
		t.Errorf("it wrote %v", writes)
	}
	list := &v1alpha1.UserlandList{}
	if err := w.List(t.Context(), list, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		u := &list.Items[i]
		queued := u.Status.State == v1alpha1.StateQueued
		if (u.Status.QueuedSince != nil) != queued || (replicas(w, u.Name) == 0) != queued || (u.Status.LastStartTime == nil) != queued {
			t.Errorf("%s is %s with %d replicas, in the queue since %v, started at %v",
				u.Name, u.Status.State, replicas(w, u.Name), u.Status.QueuedSince, u.Status.LastStartTime)
		}
	}

	w.paused.Store(false)
	w.stand(map[string]int{v1alpha1.StateRunning: 6})
	for _, s := range class(6) {
		if u := w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason); u.Status.QueuedSince != nil {
			t.Errorf("%s runs, and waits since %v", u.Name, u.Status.QueuedSince)
		}
	}
}

// The place of one that hangs is given on, and one that fails keeps none.
func TestWhoHangsDoesNotHoldUpTheOthers(t *testing.T) {
	w := newWorld(t)
	w.make(ide(), w.bounded(1))
	w.make(student("hangs"))
	w.reaches("hangs", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.make(student("hanako"))
	w.reaches("hanako", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	w.later(6 * time.Minute)
	w.reaches("hanako", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.make(student("taro"))
	w.reaches("taro", v1alpha1.StateQueued, v1alpha1.QueuedReason)

	w.drop("hanako")
	w.reaches("taro", v1alpha1.StateStarting, v1alpha1.StartingReason)
}

func TestQueueOfThoseWhoWake(t *testing.T) {
	w := newWorld(t)
	w.paused.Store(true)
	w.playCluster()
	w.make(sleeper(), w.bounded(1))
	w.make(class(4)...)
	w.stand(map[string]int{v1alpha1.StateAsleep: 4})
	w.active("student-03", w.clock.Now())
	w.reaches("student-03", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.active("student-02", w.clock.Now())
	w.reaches("student-02", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	w.clock.offset.Add(int64(2 * time.Second))
	asked := w.nowStamp()
	w.ask("student-00", v1alpha1.Requests{RestartAt: asked})
	u := w.reaches("student-00", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	if u.Status.Handled != nil {
		t.Errorf("the restart waits and is told to be honoured: %+v", u.Status.Handled)
	}
	w.paused.Store(false)
	w.reaches("student-03", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.reaches("student-02", v1alpha1.StateRunning, v1alpha1.RunningReason)
	u = w.reaches("student-00", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if u.Status.Handled == nil || !u.Status.Handled.RestartAt.Equal(ptr.To(asked.Rfc3339Copy())) {
		t.Errorf("the restart asked at %v is handled as %+v", asked, u.Status.Handled)
	}
	if second := get[v1alpha1.Userland](w, "student-02"); second.Status.LastStartTime.After(u.Status.LastStartTime.Time) {
		t.Errorf("who came first started at %v, after who came later, at %v", second.Status.LastStartTime, u.Status.LastStartTime)
	}
}

// Who asked to start and is not seen while waiting goes back to sleep.
func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	w := newWorld(t)
	w.make(sleeper(), w.bounded(1))
	w.make(class(3)...)
	w.stand(map[string]int{v1alpha1.StateAsleep: 3})
	w.active("student-00", w.clock.Now())
	w.reaches("student-00", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.active("student-01", w.clock.Now())
	w.reaches("student-01", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	w.ask("student-01", v1alpha1.Requests{StopAt: w.nowStamp()})
	u := w.reaches("student-01", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if u.Status.QueuedSince != nil {
		t.Errorf("asleep, and in the queue since %v", u.Status.QueuedSince)
	}
}
