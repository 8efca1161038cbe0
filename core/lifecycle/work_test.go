package lifecycle

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/workload"
)

// keepsPod fails if the carrel is started anew, or stopped.
func (s *scene) keepsPod(former string) Decision {
	s.Helper()
	before := s.Deployment
	d := Decide(s.World)
	if d.Plan == nil && d.Objects.Replicas == nil {
		return d
	}
	if d.Plan == nil || !d.Plan.Run || d.Plan.Revision != former {
		s.Errorf("who works with %s gets %+v", former, d.Plan)
	}
	if made := restartedAt(d.Presence.Handled); made != nil && before != nil {
		s.Errorf("who works is restarted as of %v", made)
	}
	return d
}

// A carrel that came up while the controller was away works, whatever the status says.
func TestWhoCameUpUnseenIsNotRestarted(t *testing.T) {
	s := newScene(t)
	former := s.carryOut().Plan.Revision
	s.Userland.Status.Template.Revision, s.Userland.Status.State = "", v1alpha1.StateStarting
	s.edit("ide:2")
	s.accept(s.Now)
	d := s.keepsPod(former)
	if d.Status.Template.Revision != former {
		t.Errorf("it is recorded as running with %q, want %s", d.Status.Template.Revision, former)
	}
	if pending := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.UpdatePendingCondition); pending == nil {
		t.Error("the status does not say that an edit is pending")
	}
}

// A revision that is lost is not forgotten: else the next look would take another.
func TestLostRevisionRestartsNobody(t *testing.T) {
	s := newScene(t)
	former := s.carryOut().Plan.Revision
	delete(s.Revisions, former)
	s.edit("ide:2")
	s.accept(s.Now)
	for range 3 {
		d := s.keepsPod(former)
		if d.Status.Template.Revision != former {
			t.Fatalf("it is recorded as running with %q, want %s", d.Status.Template.Revision, former)
		}
		s.record(d)
		s.later(time.Minute)
	}
	s.Userland.Spec.Enabled = ptr.To(false)
	s.carryOut()
	s.Userland.Spec.Enabled = nil
	if d := s.carryOut(); d.Plan.Revision != LatestRevision(s.Template) {
		t.Errorf("started anew, it has %s", d.Plan.Revision)
	}
}

// What can't be carried out without a revision is neither honoured nor counted as a
// start.
func TestRequestsWaitForTheRevision(t *testing.T) {
	for name, request := range map[string]func(*v1alpha1.Requests, *metav1.Time){
		"restart":       func(r *v1alpha1.Requests, at *metav1.Time) { r.RestartAt = at },
		"fresh volumes": func(r *v1alpha1.Requests, at *metav1.Time) { r.ResetAt = at },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.carryOut()
			kept := s.Revisions
			s.Revisions = map[string]Revision{}
			s.later(time.Minute)
			requests := &v1alpha1.Requests{}
			request(requests, stamp(s.Now))
			s.Userland.Status.Requests = requests
			s.later(time.Minute)
			if d := Decide(s.World); d.Writes(s.World) || d.Status.Handled != nil {
				t.Errorf("without a revision, it writes %+v", d.Status)
			}
			s.Deployment = nil
			if d := Decide(s.World); d.Status.Handled != nil {
				t.Errorf("without a revision and a Deployment, it honours %+v", d.Status.Handled)
			}
			s.Revisions = kept
			if d := s.carryOut(); d.Status.Handled == nil {
				t.Errorf("with a revision, it does not honour the request: %+v", d.Status)
			}
		})
	}
}

// A permission to restart from before a session does not count in it, and the status
// says until when.
func TestRolloutWaitsForTheSession(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Rollout.When = v1alpha1.RolloutImmediate
	former := s.carryOut().Plan.Revision
	s.edit("ide:2")
	s.accept(s.Now)
	s.Granted = true
	s.Session, s.SessionEnd = timetable.Moment{Since: s.Now, Next: s.Now.Add(time.Hour)}, s.Now.Add(time.Hour)
	d := s.keepsPod(former)
	pending := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.UpdatePendingCondition)
	if pending == nil || !strings.Contains(pending.Message, "13:00:00 UTC") {
		t.Errorf("the status does not say until when: %+v", pending)
	}
	s.record(d)
	s.later(time.Hour)
	s.Session, s.SessionEnd = timetable.Moment{}, time.Time{}
	if d := s.carryOut(); d.Plan.Revision == former {
		t.Error("after the session, it is not restarted")
	}
}

// A carrel that was moved to another Template waits for that Template, not for a newer
// revision of its own.
func TestMoveIsNotCalledANewerRevision(t *testing.T) {
	s := newScene(t)
	former := s.carryOut().Plan.Revision
	s.edit("ide:2")
	s.accept(s.Now)
	message := func() string {
		pending := meta.FindStatusCondition(s.keepsPod(former).Status.Conditions, v1alpha1.UpdatePendingCondition)
		if pending == nil {
			t.Fatal("the status does not say that anything is pending")
		}
		return pending.Message
	}
	if text := message(); !strings.Contains(text, "has a newer revision") {
		t.Errorf("after an edit it says %q", text)
	}
	s.Revisions[former].Labels[v1alpha1.TemplateLabel] = "before"
	if text := message(); strings.Contains(text, "newer revision") || !strings.Contains(text, `takes Template "`+s.Template.Name+`" when it next starts`) {
		t.Errorf("after a move it says %q", text)
	}
}

// With a deadline, the status says from when on a carrel is restarted.
func TestDeadlineIsSaid(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Rollout.Deadline = "2h"
	s.carryOut()
	s.edit("ide:3")
	s.accept(s.Now)
	message := func() string {
		pending := meta.FindStatusCondition(Decide(s.World).Status.Conditions, v1alpha1.UpdatePendingCondition)
		if pending == nil {
			t.Fatal("the status does not say that an edit is pending")
		}
		return pending.Message
	}
	if text := message(); !strings.Contains(text, "from 2026-10-01 14:00:00 UTC on") {
		t.Errorf("it says %q", text)
	}
	s.Session, s.SessionEnd = timetable.Moment{Since: s.Now, Next: s.Now.Add(3 * time.Hour)}, s.Now.Add(3*time.Hour)
	if text := message(); !strings.Contains(text, "from 2026-10-01 15:00:00 UTC on, when its session is over") {
		t.Errorf("in a session it says %q", text)
	}
}

func TestSessionEnd(t *testing.T) {
	table, err := timetable.New(v1alpha1.Timetable{
		TimeZone: "Asia/Tokyo", Term: v1alpha1.Term{FirstDay: "2026-10-01", LastDay: "2026-10-31"},
		Sessions: []v1alpha1.Session{
			{Weekdays: []v1alpha1.Weekday{"Thursday"}, Start: "09:00", Duration: metav1.Duration{Duration: 90 * time.Minute}},
			{Weekdays: []v1alpha1.Weekday{"Thursday"}, Start: "10:30", Duration: metav1.Duration{Duration: 90 * time.Minute}, Sections: []string{"a"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	tokyo := time.FixedZone("JST", 9*3600)
	for _, test := range []struct {
		section, now, want string
	}{
		{"b", "08:00", ""},
		{"b", "08:55", "10:30"},
		{"b", "10:00", "10:30"},
		{"a", "10:00", "12:00"},
		{"a", "12:00", ""},
	} {
		clock := func(text string) time.Time {
			at, _ := time.ParseInLocation("2006-01-02 15:04", "2026-10-01 "+text, tokyo)
			return at
		}
		got := SessionEnd(func(at time.Time) timetable.Moment { return table.At(test.section, at) }, clock(test.now))
		if test.want == "" && !got.IsZero() || test.want != "" && !got.Equal(clock(test.want)) {
			t.Errorf("section %s at %s: the session ends at %v, want %s", test.section, test.now, got, test.want)
		}
	}
}

// A former object that is never removed is a trouble in the end.
func TestRemovalThatDoesNotEndIsSaid(t *testing.T) {
	s := newScene(t)
	leaving := &workload.LeavingError{Kind: "Deployment", Name: "hanako"}
	s.reports(s.refuse(leaving), v1alpha1.StateStarting, v1alpha1.StartingReason)
	s.later(removedWithin)
	d := s.refuse(leaving)
	s.reports(d, v1alpha1.StateFailing, v1alpha1.PodNotMadeReason)
	s.says(d, "finalizers")
	s.reports(s.carryOut(), v1alpha1.StateRunning, v1alpha1.RunningReason)
}
