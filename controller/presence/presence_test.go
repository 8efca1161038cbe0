package presence

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/timetable"
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

func TestDecide(t *testing.T) {
	tests := []struct {
		name  string
		facts Facts
		want  Decision
	}{
		{"one whose Template never idles begins to run",
			Facts{Enabled: true},
			Decision{Presence: Running, LastStart: at(0)}},
		{"a new one whose Template idles begins asleep",
			Facts{Enabled: true, Idle: hour},
			Decision{Presence: Asleep, Idle: true}},
		{"activity wakes it",
			Facts{Enabled: true, Idle: hour, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-1)}},
			Decision{Presence: Running, LastStart: at(0), IdleFrom: at(0), Next: at(60).Time}},
		{"activity of long ago does not",
			Facts{Enabled: true, Idle: hour, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-61)}},
			Decision{Presence: Asleep, Idle: true}},
		{"it runs on until it was idle for that long",
			Facts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-59), LastStartTime: at(-90), IdleFrom: at(-90)}},
			Decision{Presence: Running, LastStart: at(-90), IdleFrom: at(-90), Next: at(1).Time}},
		{"and then sleeps",
			Facts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(-60), LastStartTime: at(-90), IdleFrom: at(-90)}},
			Decision{Presence: Asleep, Idle: true, LastStart: at(-90)}},
		{"without any report the start counts",
			Facts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-59), IdleFrom: at(-59)}},
			Decision{Presence: Running, LastStart: at(-59), IdleFrom: at(-59), Next: at(1).Time}},
		{"a Template that begins to idle stops nobody for what lies before",
			Facts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-9000), LastActivityTime: at(-8000)}},
			Decision{Presence: Running, LastStart: at(-9000), IdleFrom: at(0), Next: at(60).Time}},
		{"one whose start nobody recorded is given the whole time",
			Facts{Enabled: true, Idle: hour, Running: true},
			Decision{Presence: Running, LastStart: at(0), IdleFrom: at(0), Next: at(60).Time}},
		{"a Template that no longer idles wakes it",
			Facts{Enabled: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-9000)}},
			Decision{Presence: Running, LastStart: at(0)}},
		{"activity to come counts as now",
			Facts{Enabled: true, Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(600), LastStartTime: at(-90), IdleFrom: at(-90)}},
			Decision{Presence: Running, LastStart: at(-90), IdleFrom: at(-90), Next: at(60).Time}},
		{"its software says that it is at work",
			Facts{Enabled: true, Idle: hour, Running: true, Probed: at(-10).Time, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), IdleFrom: at(-90)}},
			Decision{Presence: Running, LastStart: at(-90), IdleFrom: at(-90), Next: at(50).Time}},
		{"disabled goes before all",
			Facts{Idle: hour, Running: true, Status: v1alpha1.UserlandStatus{LastActivityTime: at(0), LastStartTime: at(-1)}},
			Decision{Presence: Disabled, LastStart: at(-1)}},
		{"enabled again it sleeps until its user comes",
			Facts{Enabled: true, Idle: hour, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90)}},
			Decision{Presence: Asleep, Idle: true, LastStart: at(-90)}},

		{"asked to be kept it runs",
			Facts{Enabled: true, Idle: hour, Status: requests(v1alpha1.Requests{KeepUntil: at(180)})},
			Decision{Presence: Running, LastStart: at(0), IdleFrom: at(0), Next: at(180).Time}},
		{"a stop counts until somebody comes",
			Facts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), LastActivityTime: at(-1), Requests: &v1alpha1.Requests{StopAt: at(0)}}},
			Decision{Presence: Asleep, LastStart: at(-90), Handled: &v1alpha1.HandledRequests{StopAt: at(0)}}},
		{"also when the request is gone",
			Facts{Enabled: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), LastActivityTime: at(-2), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
			Decision{Presence: Asleep, LastStart: at(-90), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
		{"and goes before keeping",
			Facts{Enabled: true, Idle: hour, Running: true, Status: requests(v1alpha1.Requests{StopAt: at(-1), KeepUntil: at(180)})},
			Decision{Presence: Asleep, Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
		{"somebody came after the stop",
			Facts{Enabled: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), LastActivityTime: at(0), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
			Decision{Presence: Running, LastStart: at(0), Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}}},
		{"a stop for later is looked at then",
			Facts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), Requests: &v1alpha1.Requests{StopAt: at(5)}}},
			Decision{Presence: Running, LastStart: at(-90), Next: at(5).Time}},
		{"a restart is honoured",
			Facts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), Requests: &v1alpha1.Requests{RestartAt: at(-1)}}},
			Decision{Presence: Running, Restart: true, LastStart: at(0), Handled: &v1alpha1.HandledRequests{RestartAt: at(-1)}}},
		{"once",
			Facts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-1), Requests: &v1alpha1.Requests{RestartAt: at(-1)}, Handled: &v1alpha1.HandledRequests{RestartAt: at(-1)}}},
			Decision{Presence: Running, LastStart: at(-1), Handled: &v1alpha1.HandledRequests{RestartAt: at(-1)}}},
		{"and starts one that sleeps",
			Facts{Enabled: true, Idle: hour, Status: requests(v1alpha1.Requests{RestartAt: at(0)})},
			Decision{Presence: Running, Restart: true, LastStart: at(0), IdleFrom: at(0), Next: at(60).Time, Handled: &v1alpha1.HandledRequests{RestartAt: at(0)}}},
		{"a stop after a restart, both seen late, stops",
			Facts{Enabled: true, Running: true, Status: requests(v1alpha1.Requests{RestartAt: at(-5), StopAt: at(-4)})},
			Decision{Presence: Asleep, Handled: &v1alpha1.HandledRequests{RestartAt: at(-5), StopAt: at(-4)}}},
		{"in a session nobody sleeps", Facts{Enabled: true, Idle: hour, Running: true, Timetable: class(-90), Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), IdleFrom: at(-90)}},
			Decision{Presence: Running, LastStart: at(-90), IdleFrom: at(-90), Next: noon.Add(30 * time.Minute)}},
		{"for a session who sleeps is started", Facts{Enabled: true, Idle: hour, Timetable: class(0)},
			Decision{Presence: Running, LastStart: at(0), IdleFrom: at(0), Next: noon.Add(30 * time.Minute)}},
		{"after it who never came sleeps at once", Facts{Enabled: true, Idle: hour, Running: true, Timetable: timetable.Moment{Next: noon.Add(48 * time.Hour)}, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), IdleFrom: at(-90)}},
			Decision{Presence: Asleep, Idle: true, LastStart: at(-90), Next: noon.Add(48 * time.Hour)}},
		{"who is up looks forward to the next session, or to sleep if that is sooner", Facts{Enabled: true, Idle: hour, Running: true, Timetable: timetable.Moment{Next: noon.Add(time.Minute)}, Status: v1alpha1.UserlandStatus{LastStartTime: at(-1), IdleFrom: at(-1)}},
			Decision{Presence: Running, LastStart: at(-1), IdleFrom: at(-1), Next: noon.Add(time.Minute)}},
		{"who was stopped before a session is started for it", Facts{Enabled: true, Timetable: class(-1), Status: requests(v1alpha1.Requests{StopAt: at(-5)})},
			Decision{Presence: Running, LastStart: at(0), Handled: &v1alpha1.HandledRequests{StopAt: at(-5)}, Next: noon.Add(30 * time.Minute)}},
		{"who is stopped in a session stays so", Facts{Enabled: true, Running: true, Timetable: class(-5), Status: requests(v1alpha1.Requests{StopAt: at(-1)})},
			Decision{Presence: Asleep, Handled: &v1alpha1.HandledRequests{StopAt: at(-1)}, Next: noon.Add(30 * time.Minute)}},
		{"after the term nobody runs, whoever was seen", Facts{Enabled: true, Running: true, Timetable: timetable.Moment{Over: true}, Status: v1alpha1.UserlandStatus{LastActivityTime: at(0), LastStartTime: at(-5)}},
			Decision{Presence: Over, LastStart: at(-5)}},
		{"a reset starts on fresh volumes",
			Facts{Enabled: true, Running: true, Status: v1alpha1.UserlandStatus{LastStartTime: at(-90), Requests: &v1alpha1.Requests{ResetAt: at(-1)}}},
			Decision{Presence: Running, Restart: true, Reset: at(-1), LastStart: at(0), Handled: &v1alpha1.HandledRequests{ResetAt: at(-1)}}},
		{"also one that is disabled, which stays so",
			Facts{Status: requests(v1alpha1.Requests{ResetAt: at(-1), RestartAt: at(-1)})},
			Decision{Presence: Disabled, Reset: at(-1), Handled: &v1alpha1.HandledRequests{ResetAt: at(-1), RestartAt: at(-1)}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.facts.Now = noon
			if diff := cmp.Diff(test.want, Decide(test.facts)); diff != "" {
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
				f := Facts{Enabled: true, Idle: hour, Running: true, Now: noon,
					Status: v1alpha1.UserlandStatus{LastActivityTime: activity, LastStartTime: start, IdleFrom: from}}
				d := Decide(f)
				for _, recent := range []*metav1.Time{activity, start, from} {
					if recent != nil && noon.Sub(recent.Time) < time.Hour && d.Presence != Running {
						t.Errorf("activity %v, start %v, idle from %v: %s", activity, start, from, d.Presence)
					}
				}
				if d.Presence == Running && !d.Next.After(noon) {
					t.Errorf("activity %v, start %v, idle from %v: to be looked at again at %v", activity, start, from, d.Next)
				}
			}
		}
	}
}
