package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// While the software is asked again, the status stays as the last answer or the last
// attempt left it.
func TestStatusStaysWhileTheSoftwareIsAsked(t *testing.T) {
	for name, test := range map[string]struct {
		probe Probe
		err   error
	}{
		"its probe fails":   {probe: Probe{Failure: "it answers 500"}},
		"a stop is refused": {probe: Probe{LastActivity: noon}, err: denied},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.Template.Spec.Idle = &v1alpha1.Idle{After: hour.After, Probe: &v1alpha1.IdleProbe{Path: "/api/status"}}
			s.Userland.Status.LastActivityTime = at(0)
			s.carryOut()
			s.later(2 * time.Hour)
			answered := func() Decision {
				s.Probe = test.probe
				s.Probe.AskedAt = s.Now
				if test.err != nil {
					return s.refuse(test.err)
				}
				d := Decide(s.World)
				s.record(d)
				return d
			}
			first := answered()
			for range 3 {
				s.later(2 * time.Minute)
				if asking := Decide(s.World); asking.Ask == "" || asking.Writes(s.World) || asking.Event != nil {
					t.Fatalf("asked again at %q, it writes %+v, event %+v", asking.Ask, asking.Status, asking.Event)
				}
				again := answered()
				if diff := cmp.Diff(first.Status.Conditions, again.Status.Conditions); diff != "" || again.Event != nil {
					t.Errorf("answered alike, event %+v, conditions (-first +again):\n%s", again.Event, diff)
				}
			}
		})
	}
}

// A write that is refused again is no news, also if the pods say something else.
func TestRefusedWriteIsOneEvent(t *testing.T) {
	s := newScene(t)
	s.carryOut()
	s.Userland.Status.Requests = &v1alpha1.Requests{RestartAt: stamp(s.Now)}
	s.Pods[0].Status.Conditions[0].Status = "False"
	events := 0
	for range 4 {
		s.later(health.RetrySlow)
		if d := s.refuse(denied); d.Event != nil {
			events++
		}
	}
	if events != 1 {
		t.Errorf("%d events, want one", events)
	}
}

// A carrel that was refused waits for its turn to be tried again, and goes on saying
// why.
func TestRefusedCarrelWaitsInTheQueue(t *testing.T) {
	s := newScene(t)
	s.Turn = Turn{Bounded: true, Granted: true}
	d := s.refuse(denied)
	if d.Status.QueuedSince == nil || d.Queue != QueueLeave {
		t.Errorf("refused, it has waited since %v and takes the step %q", d.Status.QueuedSince, d.Queue)
	}
	s.later(health.RetrySlow)
	s.Turn.Granted = false
	d = Decide(s.World)
	if d.Queue != QueueWait || d.Writes(s.World) || !d.Ticket(s.World).Since.Equal(noon) {
		t.Errorf("waiting, it takes the step %q with the ticket %+v, and writes %+v", d.Queue, d.Ticket(s.World), d.Status)
	}
	line := RebuildLine([]v1alpha1.Userland{*s.Userland}, func(string) time.Time { return time.Time{} })
	if line.Waiting["hanako"].Since.IsZero() {
		t.Errorf("a controller that restarts forgets its place: %+v", line)
	}
	s.Turn.Granted = true
	if d = s.carryOut(); d.Status.QueuedSince != nil {
		t.Errorf("taken at last, it still waits since %v", d.Status.QueuedSince)
	}
}

// Activity that a clock which is ahead reported before a stop does not undo the stop,
// neither at once nor when its time has come. Later activity does.
func TestClockThatIsAheadDoesNotUndoAStop(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Idle = hour
	s.Userland.Status.LastActivityTime = at(5)
	s.carryOut()
	s.later(time.Minute)
	s.Userland.Status.Requests = &v1alpha1.Requests{StopAt: stamp(s.Now)}
	for range 3 {
		s.reports(s.carryOut(), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
		s.later(3 * time.Minute)
	}
	s.Userland.Status.LastActivityTime = ptr.To(metav1.NewTime(s.Now))
	s.reports(s.carryOut(), v1alpha1.StateRunning, v1alpha1.RunningReason)
}
