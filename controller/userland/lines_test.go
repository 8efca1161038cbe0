package userland_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/userland"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

var (
	noon    = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	session = noon.Add(-time.Hour)
)

// door is where carrels ask to be let in.
type door struct {
	*testing.T
	lines *userland.Lines
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
	limit int
	class []v1alpha1.Userland
	now   time.Time
}

func newDoor(t *testing.T, limit int, class ...v1alpha1.Userland) *door {
	d := &door{T: t, lines: userland.NewLines(), limit: limit, class: class, now: noon}
	d.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(d.queue.ShutDown)
	if err := d.lines.Start(t.Context(), d.queue); err != nil {
		t.Fatal(err)
	}
	return d
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: "prog1", Name: name} }

func (d *door) ask(name string, ticket lifecycle.Ticket) (admitted bool, again time.Time) {
	d.Helper()
	line := func() (*lifecycle.Line, error) {
		return lifecycle.RebuildLine(d.class, func(section string) time.Time {
			if section == "in session" {
				return session
			}
			return time.Time{}
		}), nil
	}
	if _, err := d.lines.Turn(key(name), d.limit, line, d.now); err != nil {
		d.Fatal(err)
	}
	turn := d.lines.Wait(key(name), ticket, d.now)
	return turn.Granted, turn.Next
}

// asks expects an answer to a carrel that came at a moment.
func (d *door) asks(name string, want bool) {
	d.Helper()
	if admitted, _ := d.ask(name, lifecycle.Ticket{Since: d.now}); admitted != want {
		d.Errorf("%s may start: %v, want %v", name, admitted, want)
	}
}

// woken are those told that it is their turn.
func (d *door) woken() []string {
	var names []string
	for d.queue.Len() > 0 {
		next, _ := d.queue.Get()
		d.queue.Done(next)
		names = append(names, next.Name)
	}
	return names
}

func (d *door) wakes(want ...string) {
	d.Helper()
	if diff := cmp.Diff(want, d.woken()); diff != "" {
		d.Errorf("those told that it is their turn (-want +got):\n%s", diff)
	}
}

func TestSoManyStartAtOnce(t *testing.T) {
	d := newDoor(t, 2)
	d.asks("a", true)
	d.asks("b", true)
	d.asks("b", true)
	d.now = d.now.Add(time.Second)
	d.asks("c", false)
	d.now = d.now.Add(time.Second)
	d.asks("d", false)
	d.wakes()
	d.lines.Leave(key("b"), d.now)
	d.wakes("c")
	d.asks("c", true)
	d.asks("d", false)
	d.lines.Leave(key("c"), d.now)
	d.wakes("d")
}

func TestOthersLeaveTheQueueToo(t *testing.T) {
	d := newDoor(t, 1)
	d.asks("a", true)
	d.asks("b", false)
	d.asks("c", false)
	d.lines.Leave(key("b"), d.now)
	d.lines.Leave(key("a"), d.now)
	d.wakes("c")
}

func TestWhoStartsWithoutAskingCounts(t *testing.T) {
	d := newDoor(t, 1)
	d.asks("a", true)
	d.lines.Hold(key("restarted"), d.now)
	d.lines.Leave(key("a"), d.now)
	d.asks("b", false)
	d.lines.Leave(key("restarted"), d.now)
	d.wakes("b")
}

func TestOrder(t *testing.T) {
	d := newDoor(t, 1)
	d.asks("first", true)
	for name, ticket := range map[string]lifecycle.Ticket{
		"waits for an hour":           {Since: noon.Add(-time.Hour)},
		"waits for a minute":          {Since: noon.Add(-time.Minute)},
		"of the session":              {Since: noon, Session: session},
		"of the session, longer":      {Since: noon.Add(-time.Minute), Session: session},
		"of the next session, longer": {Since: noon.Add(-time.Hour), Session: noon},
	} {
		d.ask(name, ticket)
	}
	var order []string
	for last := "first"; ; last = order[len(order)-1] {
		d.lines.Leave(key(last), d.now)
		next := d.woken()
		if len(next) == 0 {
			break
		}
		order = append(order, next...)
	}
	want := []string{"of the session, longer", "of the session", "of the next session, longer", "waits for an hour", "waits for a minute"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestPatienceEnds(t *testing.T) {
	d := newDoor(t, 1)
	d.asks("hangs", true)
	admitted, again := d.ask("b", lifecycle.Ticket{Since: d.now})
	if want := noon.Add(lifecycle.QueuePatience); admitted || !again.Equal(want) {
		t.Fatalf("admitted: %v, to ask again at %v; want false and %v", admitted, again, want)
	}
	d.now = again
	d.lines.Hold(key("hangs"), d.now)
	d.asks("b", true)
	d.asks("c", false)
}

func TestMoreMayStart(t *testing.T) {
	d := newDoor(t, 1)
	d.asks("a", true)
	d.asks("b", false)
	d.now = d.now.Add(time.Second)
	d.asks("c", false)
	d.limit = 3
	d.asks("c", true)
	d.wakes("b")
}

func TestRebuiltFromStatuses(t *testing.T) {
	of := func(name, section, state string, since time.Time) v1alpha1.Userland {
		u := v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserlandSpec{Section: section}}
		u.Status.State = state
		moment := metav1.NewTime(since)
		u.Status.LastStartTime, u.Status.QueuedSince = &moment, &moment
		return u
	}
	d := newDoor(t, 2,
		of("starting", "", v1alpha1.StateStarting, noon.Add(-time.Minute)),
		of("hanging", "", v1alpha1.StateStarting, noon.Add(-time.Hour)),
		of("running", "", v1alpha1.StateRunning, noon.Add(-time.Minute)),
		of("waiting", "", v1alpha1.StateQueued, noon.Add(-time.Minute)),
		of("in session", "in session", v1alpha1.StateQueued, noon),
	)
	d.asks("new", false)
	d.wakes("in session")
	d.lines.Leave(key("starting"), d.now)
	d.wakes("waiting")
	d.lines.Drop("prog1")
	d.class = nil
	d.asks("new", true)
}

// However many may start at once, and whoever listens, nobody is kept waiting for
// the others to be woken.
func TestWakingManyBlocksNobody(t *testing.T) {
	const many = 5000
	now, lines := noon, userland.NewLines()
	line := func() (*lifecycle.Line, error) { return lifecycle.RebuildLine(nil, nil), nil }
	turn := func(name string, limit int) {
		t.Helper()
		if _, err := lines.Turn(key(name), limit, line, now); err != nil {
			t.Fatal(err)
		}
	}
	turn("first", 1)
	lines.Wait(key("first"), lifecycle.Ticket{Since: now}, now)
	for i := range many {
		lines.Wait(key(fmt.Sprint(i)), lifecycle.Ticket{Since: now}, now)
	}
	turn("first", 2*many)
	lines.Leave(key("first"), now)
	for i := range many {
		if turn := lines.Wait(key(fmt.Sprint(i)), lifecycle.Ticket{Since: now}, now); !turn.Granted {
			t.Fatalf("%d may not start", i)
		}
	}
}
