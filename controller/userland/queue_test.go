package userland_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// states counts the class by state.
func states(w *classroom.Classroom) map[string]int {
	w.Helper()
	list := &v1alpha1.UserlandList{}
	if err := w.List(w.Context(), list, client.InNamespace(w.Namespace)); err != nil {
		w.Fatal(err)
	}
	counts := map[string]int{}
	for i := range list.Items {
		counts[list.Items[i].Status.State]++
	}
	return counts
}

// stand waits until the class stands so.
func stand(w *classroom.Classroom, want map[string]int) {
	w.Helper()
	w.Until(func() error {
		if diff := cmp.Diff(want, states(w)); diff != "" {
			return fmt.Errorf("states of the class (-want +got):\n%s", diff)
		}
		return nil
	})
}

// bounded is the Course of the namespace in which so many start at once.
func bounded(w *classroom.Classroom, limit int32) *v1alpha1.Course {
	c := w.Course()
	c.Spec.MaxStarting = &limit
	return c
}

func TestClassStartsSoManyAtOnce(t *testing.T) {
	w := classroom.New(t)
	w.Paused.Store(true)
	w.PlayCluster()
	w.Make(classroom.IDE(), bounded(w, 2))
	w.Make(classroom.Class(6)...)
	want := map[string]int{v1alpha1.StateStarting: 2, v1alpha1.StateQueued: 4}
	stand(w, want)
	w.Settled()
	// Who comes after a restart of the controller knows who is starting.
	w.Stop()
	w.Start()
	w.Settled()
	if diff := cmp.Diff(want, states(w)); diff != "" {
		t.Errorf("after a restart of the controller (-want +got):\n%s", diff)
	}
	if writes := w.Requests.Writes(); len(writes) > 0 {
		t.Errorf("it wrote %v", writes)
	}
	list := &v1alpha1.UserlandList{}
	if err := w.List(t.Context(), list, client.InNamespace(w.Namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		u := &list.Items[i]
		queued := u.Status.State == v1alpha1.StateQueued
		if (u.Status.QueuedSince != nil) != queued || (classroom.Replicas(w, u.Name) == 0) != queued || (u.Status.LastStartTime == nil) != queued {
			t.Errorf("%s is %s with %d replicas, in the queue since %v, started at %v",
				u.Name, u.Status.State, classroom.Replicas(w, u.Name), u.Status.QueuedSince, u.Status.LastStartTime)
		}
	}

	w.Paused.Store(false)
	stand(w, map[string]int{v1alpha1.StateRunning: 6})
	for _, s := range classroom.Class(6) {
		if u := w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason); u.Status.QueuedSince != nil {
			t.Errorf("%s runs, and waits since %v", u.Name, u.Status.QueuedSince)
		}
	}
}

// The place of one that hangs is given on, and one that fails keeps none.
func TestWhoHangsDoesNotHoldUpTheOthers(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.IDE(), bounded(w, 1))
	w.Make(classroom.Student("hangs"))
	w.Reaches("hangs", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.Make(classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	w.Later(6 * time.Minute)
	w.Reaches("hanako", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.Make(classroom.Student("taro"))
	w.Reaches("taro", v1alpha1.StateQueued, v1alpha1.QueuedReason)

	w.Drop("hanako")
	w.Reaches("taro", v1alpha1.StateStarting, v1alpha1.StartingReason)
}

func TestQueueOfThoseWhoWake(t *testing.T) {
	w := classroom.New(t)
	w.Paused.Store(true)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), bounded(w, 1))
	w.Make(classroom.Class(4)...)
	stand(w, map[string]int{v1alpha1.StateAsleep: 4})
	w.Active("student-03", w.Clock.Now())
	w.Reaches("student-03", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.Active("student-02", w.Clock.Now())
	w.Reaches("student-02", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	w.Clock.Advance(2 * time.Second)
	asked := w.NowStamp()
	w.Ask("student-00", v1alpha1.Requests{RestartAt: asked})
	u := w.Reaches("student-00", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	if u.Status.Handled != nil {
		t.Errorf("the restart waits and is told to be honoured: %+v", u.Status.Handled)
	}
	w.Paused.Store(false)
	w.Reaches("student-03", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Reaches("student-02", v1alpha1.StateRunning, v1alpha1.RunningReason)
	u = w.Reaches("student-00", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if u.Status.Handled == nil || !u.Status.Handled.RestartAt.Equal(ptr.To(asked.Rfc3339Copy())) {
		t.Errorf("the restart asked at %v is handled as %+v", asked, u.Status.Handled)
	}
	if second := classroom.Get[v1alpha1.Userland](w, "student-02"); second.Status.LastStartTime.After(u.Status.LastStartTime.Time) {
		t.Errorf("who came first started at %v, after who came later, at %v", second.Status.LastStartTime, u.Status.LastStartTime)
	}
}

// Who asked to start and is not seen while waiting goes back to sleep.
func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.Sleeper(), bounded(w, 1))
	w.Make(classroom.Class(3)...)
	stand(w, map[string]int{v1alpha1.StateAsleep: 3})
	w.Active("student-00", w.Clock.Now())
	w.Reaches("student-00", v1alpha1.StateStarting, v1alpha1.StartingReason)
	w.Active("student-01", w.Clock.Now())
	w.Reaches("student-01", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	w.Ask("student-01", v1alpha1.Requests{StopAt: w.NowStamp()})
	u := w.Reaches("student-01", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if u.Status.QueuedSince != nil {
		t.Errorf("asleep, and in the queue since %v", u.Status.QueuedSince)
	}
}
