package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/timetable"
)

var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// at is so many minutes from noon.
func at(minutes int) *metav1.Time {
	return ptr.To(metav1.NewTime(noon.Add(time.Duration(minutes) * time.Minute)))
}

var hour = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}

func requests(r v1alpha1.Requests) v1alpha1.UserlandStatus {
	return v1alpha1.UserlandStatus{Requests: &r}
}

func TestDecidePresence(t *testing.T) {
	tests := []struct {
		name  string
		facts PresenceFacts
		want  PresenceDecision
	}{
		{"one whose Template never idles begins to run",
			PresenceFacts{Enabled: true},
			PresenceDecision{Presence: health.Running, LastStart: at(0)}},
		{"a new one whose Template idles begins asleep",
			PresenceFacts{Enabled: true, Idle: hour},
			PresenceDecision{Presence: health.Asleep, Idle: true}},
		{"activity wakes it",
			PresenceFacts{Enabled: true, Idle: hour, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-1)}},
			PresenceDecision{Presence: health.Running, LastStart: at(0), IdleFrom: at(0), Next: at(60).Time}},
		{"activity of long ago does not",
			PresenceFacts{Enabled: true, Idle: hour, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-61)}},
			PresenceDecision{Presence: health.Asleep, Idle: true}},
		{"it runs on until it was idle for that long",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-59), LastStartTime: at(-90), IdleFrom: at(-90)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-90), IdleFrom: at(-90), Next: at(1).Time}},
		{"and then sleeps",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-60), LastStartTime: at(-90), IdleFrom: at(-90)}},
			PresenceDecision{Presence: health.Asleep, Idle: true, LastStart: at(-90)}},
		{"without any report the start counts",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-59), IdleFrom: at(-59)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-59), IdleFrom: at(-59), Next: at(1).Time}},
		{"a Template that begins to idle stops nobody for what lies before",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-9000), LastActivityTime: at(-8000)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-9000), IdleFrom: at(0), Next: at(60).Time}},
		{"one whose start nobody recorded is given the whole time",
			PresenceFacts{Enabled: true, Idle: hour, Running: true},
			PresenceDecision{Presence: health.Running, LastStart: at(0), IdleFrom: at(0), Next: at(60).Time}},
		{"a Template that no longer idles wakes it",
			PresenceFacts{Enabled: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-9000)}},
			PresenceDecision{Presence: health.Running, LastStart: at(0)}},
		{"activity to come counts as now",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(600), LastStartTime: at(-90), IdleFrom: at(-90)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-90), IdleFrom: at(-90), Next: at(60).Time}},
		{"its software says that it is at work",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Probed: at(-10).Time, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), IdleFrom: at(-90)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-90), IdleFrom: at(-90), Next: at(50).Time}},
		{"disabled goes before all",
			PresenceFacts{Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(0), LastStartTime: at(-1)}},
			PresenceDecision{Presence: health.Disabled, LastStart: at(-1)}},
		{"enabled again it sleeps until its user comes",
			PresenceFacts{Enabled: true, Idle: hour, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90)}},
			PresenceDecision{Presence: health.Asleep, Idle: true, LastStart: at(-90)}},

		{"asked to be kept it runs",
			PresenceFacts{Enabled: true, Idle: hour, Status: requests(v1alpha1.Requests{KeepUntil: at(180)})},
			PresenceDecision{Presence: health.Running, LastStart: at(0), IdleFrom: at(0), Next: at(180).Time}},
		{"a stop counts until somebody comes",
			PresenceFacts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), LastActivityTime: at(-1), Requests: &v1alpha1.Requests{StopAt: at(0)}}},
			PresenceDecision{Presence: health.Asleep, LastStart: at(-90), Handled: &v1alpha1.HandledRequests{StopAt: at(0)}}},
		{"also when the request is gone",
			PresenceFacts{Enabled: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), LastActivityTime: at(-2), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
			PresenceDecision{Presence: health.Asleep, LastStart: at(-90), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
		{"and goes before keeping",
			PresenceFacts{Enabled: true, Idle: hour, Running: true, Status: requests(v1alpha1.Requests{StopAt: at(-1), KeepUntil: at(180)})},
			PresenceDecision{Presence: health.Asleep, Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
		{"somebody came after the stop",
			PresenceFacts{Enabled: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), LastActivityTime: at(0), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
			PresenceDecision{Presence: health.Running, LastStart: at(0), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
		{"a stop for later is looked at then",
			PresenceFacts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), Requests: &v1alpha1.Requests{StopAt: at(5)}}},
			PresenceDecision{Presence: health.Running, LastStart: at(-90), Next: at(5).Time}},
		{"a restart is honoured",
			PresenceFacts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), Requests: &v1alpha1.Requests{RestartAt: at(-1)}}},
			PresenceDecision{Presence: health.Running, Restart: true, LastStart: at(0), Handled: &v1alpha1.HandledRequests{RestartAt: at(-1)}}},
		{"once",
			PresenceFacts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-1), Requests: &v1alpha1.Requests{RestartAt: at(-1)}, Handled: &v1alpha1.HandledRequests{RestartAt: at(-1)}}},
			PresenceDecision{Presence: health.Running, LastStart: at(-1), Handled: &v1alpha1.HandledRequests{RestartAt: at(-1)}}},
		{"and starts one that sleeps",
			PresenceFacts{Enabled: true, Idle: hour, Status: requests(v1alpha1.Requests{RestartAt: at(0)})},
			PresenceDecision{Presence: health.Running, Restart: true, LastStart: at(0), IdleFrom: at(0), Next: at(60).Time, Handled: &v1alpha1.HandledRequests{RestartAt: at(0)}}},
		{"a stop after a restart, both seen late, stops",
			PresenceFacts{Enabled: true, Running: true, Status: requests(v1alpha1.Requests{RestartAt: at(-5), StopAt: at(-4)})},
			PresenceDecision{Presence: health.Asleep, Handled: &v1alpha1.HandledRequests{RestartAt: at(-5), StopAt: at(-4)}}},
		{"in a session nobody sleeps", PresenceFacts{Enabled: true, Idle: hour, Running: true, Timetable: class(-90), Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), IdleFrom: at(-90)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-90), IdleFrom: at(-90), Next: noon.Add(30 * time.Minute)}},
		{"for a session who sleeps is started", PresenceFacts{Enabled: true, Idle: hour, Timetable: class(0)},
			PresenceDecision{Presence: health.Running, LastStart: at(0), IdleFrom: at(0), Next: noon.Add(30 * time.Minute)}},
		{"after it who never came sleeps at once", PresenceFacts{Enabled: true, Idle: hour, Running: true, Timetable: timetable.Moment{Next: noon.Add(48 * time.Hour)}, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), IdleFrom: at(-90)}},
			PresenceDecision{Presence: health.Asleep, Idle: true, LastStart: at(-90), Next: noon.Add(48 * time.Hour)}},
		{"who is up looks forward to the next session, or to sleep if that is sooner", PresenceFacts{Enabled: true, Idle: hour, Running: true, Timetable: timetable.Moment{Next: noon.Add(time.Minute)}, Status: v1alpha1.UserlandStatus{LastStartTime: at(-1), IdleFrom: at(-1)}},
			PresenceDecision{Presence: health.Running, LastStart: at(-1), IdleFrom: at(-1), Next: noon.Add(time.Minute)}},
		{"who was stopped before a session is started for it", PresenceFacts{Enabled: true, Timetable: class(-1), Status: requests(v1alpha1.Requests{StopAt: at(-5)})},
			PresenceDecision{Presence: health.Running, LastStart: at(0), Handled: &v1alpha1.HandledRequests{StopAt: at(-5)}, Next: noon.Add(30 * time.Minute)}},
		{"who is stopped in a session stays so", PresenceFacts{Enabled: true, Running: true, Timetable: class(-5), Status: requests(v1alpha1.Requests{StopAt: at(-1)})},
			PresenceDecision{Presence: health.Asleep, Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}, Next: noon.Add(30 * time.Minute)}},
		{"after the term nobody runs, whoever was seen", PresenceFacts{Enabled: true, Running: true, Timetable: timetable.Moment{Over: true}, Status: v1alpha1.UserlandStatus{LastActivityTime: at(0), LastStartTime: at(-5)}},
			PresenceDecision{Presence: health.Over, LastStart: at(-5)}},
		{"a reset starts on fresh volumes",
			PresenceFacts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), Requests: &v1alpha1.Requests{ResetAt: at(-1)}}},
			PresenceDecision{Presence: health.Running, Restart: true, Reset: at(-1), LastStart: at(0), Handled: &v1alpha1.HandledRequests{ResetAt: at(-1)}}},
		{"also one that is disabled, which stays so",
			PresenceFacts{Status: requests(v1alpha1.Requests{ResetAt: at(-1), RestartAt: at(-1)})},
			PresenceDecision{Presence: health.Disabled, Reset: at(-1), Handled: &v1alpha1.HandledRequests{ResetAt: at(-1), RestartAt: at(-1)}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.facts.Now = noon
			if diff := cmp.Diff(test.want, DecidePresence(test.facts)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

// class is a session that carrels are started for at a minute, seen from now, and
// that ends in half an hour.
func class(from int) timetable.Moment {
	return timetable.Moment{Since: noon.Add(time.Duration(from) * time.Minute), Next: noon.Add(30 * time.Minute)}
}

// Whatever was recorded, a carrel in use is not stopped before its time, and one
// that is decided upon is not looked at in the past.
func TestNeverStoppedEarly(t *testing.T) {
	moments := []*metav1.Time{nil, at(-600), at(-61), at(-59), at(-1), at(0), at(5)}
	for _, activity := range moments {
		for _, start := range moments {
			for _, from := range moments {
				f := PresenceFacts{Enabled: true, Idle: hour, Running: true, Now: noon,
					Status: v1alpha1.UserlandStatus{LastActivityTime: activity, LastStartTime: start, IdleFrom: from}}
				d := DecidePresence(f)
				for _, recent := range []*metav1.Time{activity, start, from} {
					if recent != nil && noon.Sub(recent.Time) < time.Hour && d.Presence != health.Running {
						t.Errorf("activity %v, start %v, idle from %v: %s", activity, start, from, d.Presence)
					}
				}
				if d.Presence == health.Running && !d.Next.After(noon) {
					t.Errorf("activity %v, start %v, idle from %v: to be looked at again at %v", activity, start, from, d.Next)
				}
			}
		}
	}
}
