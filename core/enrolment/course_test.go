package enrolment_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

var (
	noon      = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	userlands = schema.GroupResource{Group: "carrel.dev", Resource: "userlands"}
)

// worldOf returns a Course of generation 2 with a roster of these rows, whose
// status describes generation 1.
func worldOf(there []v1alpha1.Userland, rows ...string) enrolment.CourseWorld {
	c := course(func(c *v1alpha1.Course) {
		c.Generation, c.Spec.Rosters = 2, []v1alpha1.RosterSource{{ConfigMap: "class"}}
		c.Status = v1alpha1.CourseStatus{ObservedGeneration: 1, Roster: &v1alpha1.RosterStatus{Digest: "before", Rows: int32(len(there))}}
	})
	text := "user\n" + strings.Join(rows, "\n") + "\n"
	return enrolment.CourseWorld{Course: c, Userlands: there, Files: []roster.File{{Name: "roster.csv", Data: []byte(text)}}, Now: noon}
}

// settle gives Userlands a status that describes their spec.
func settle(all []v1alpha1.Userland) []v1alpha1.Userland {
	for i := range all {
		all[i].Status.State = v1alpha1.StateAsleep
		all[i].Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.AsleepReason}}
	}
	return all
}

func condition(t *testing.T, s v1alpha1.CourseStatus, kind string) metav1.Condition {
	t.Helper()
	found := meta.FindStatusCondition(s.Conditions, kind)
	if found == nil {
		t.Fatalf("there is no condition %s: %+v", kind, s.Conditions)
	}
	return *found
}

// Whatever keeps a row from being written is in the status of the Course, and the
// row is tried again within minutes.
func TestEveryFailedWriteIsInTheStatus(t *testing.T) {
	webhook := func(code int32) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Message: `admission webhook "names.example.org" denied the request: no kai here`}}
	}
	for _, test := range []struct {
		name    string
		err     error
		refused bool
		words   string
	}{
		{"400 of a webhook", webhook(400), true, "no … here"},
		{"403 of a webhook", webhook(403), true, "no … here"},
		{"409 of a webhook", webhook(409), true, "no … here"},
		{"422 of a webhook", webhook(422), true, "no … here"},
		{"429 of a webhook", webhook(429), true, "no … here"},
		{"500 of a webhook", webhook(500), true, "no … here"},
		{"a full quota", apierrors.NewForbidden(userlands, "kai", errors.New("exceeded quota: course")), true, "exceeded quota"},
		{"a name that is taken", apierrors.NewAlreadyExists(userlands, "kai"), false, "already exists"},
		{"another writer", apierrors.NewConflict(userlands, "kai", errors.New("the object has been modified")), false, "modified"},
		{"an overload", apierrors.NewTooManyRequests("too many requests", 1), false, "too many requests"},
		{"an internal error", apierrors.NewInternalError(errors.New("etcd: no leader")), false, "no leader"},
		{"a timeout", context.DeadlineExceeded, false, "does not answer in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := enrolment.DecideCourse(worldOf(nil, "kai", "rin"))
			if !d.Due() {
				t.Fatal("two rows are new, and nothing is to be written")
			}
			d.Tried = d.NewAttempt()
			err := fmt.Errorf("userland %q: %w", "kai", test.err)
			d.Tried.FailWant(d.Plan.Wants[0], err)
			if enrolment.Interrupts(err) == test.refused || !d.Tried.Failed() {
				t.Errorf("trying the other rows is worth it: %t, want %t", !enrolment.Interrupts(err), test.refused)
			}
			saysWhatFailed(t, d.Status(), test.refused, test.words)
			if wait := d.Next().Sub(noon); wait <= 0 || wait > 5*time.Minute {
				t.Errorf("it is tried again after %s, want some minutes at most", wait)
			}
			status := d.Status()
			if line := fmt.Sprint(d.LogLine(status)...); !strings.Contains(line, condition(t, status, v1alpha1.ReadyCondition).Reason) {
				t.Errorf("the log line does not say why: %s", line)
			}
		})
	}
}

// saysWhatFailed checks what a status of generation 2 says of a write that failed for
// the row in line 2.
func saysWhatFailed(t *testing.T, status v1alpha1.CourseStatus, refused bool, words string) {
	t.Helper()
	ready, valid := condition(t, status, v1alpha1.ReadyCondition), condition(t, status, v1alpha1.RosterValidCondition)
	for _, message := range []string{ready.Message, valid.Message} {
		if !strings.Contains(message, "roster.csv line 2") || !strings.Contains(message, words) || strings.Contains(message, "kai") {
			t.Errorf("the message does not name line and cause, or names the student: %s", message)
		}
	}
	switch {
	case ready.Status != metav1.ConditionFalse:
		t.Errorf("Ready is %s", ready.Status)
	case refused && (valid.Status != metav1.ConditionFalse || valid.Reason != v1alpha1.RosterRefusedReason || status.ObservedGeneration != 2):
		t.Errorf("RosterValid is %s (%s) for generation %d, want a refusal of generation 2", valid.Status, valid.Reason, status.ObservedGeneration)
	case !refused && (valid.Status != metav1.ConditionUnknown || status.ObservedGeneration != 1):
		t.Errorf("RosterValid is %s for generation %d; it must not look brought about", valid.Status, status.ObservedGeneration)
	}
}

// The API server is not asked the same at each event of a class: only when it is
// due, when the rows are others, or when somebody asks for it.
func TestTheSameIsNotTriedAtEachEvent(t *testing.T) {
	refused := func(edit func(*enrolment.CourseWorld)) enrolment.CourseDecision {
		w := worldOf(nil, "kai", "rin")
		d := enrolment.DecideCourse(w)
		attempt := d.NewAttempt()
		attempt.FailWant(d.Plan.Wants[0], apierrors.NewBadRequest("no"))
		w.Tried, w.Now = attempt, noon.Add(time.Minute)
		edit(&w)
		return enrolment.DecideCourse(w)
	}
	d := refused(func(*enrolment.CourseWorld) {})
	if d.Due() {
		t.Error("a minute later the same rows are written again")
	}
	if reason := condition(t, d.Status(), v1alpha1.RosterValidCondition).Reason; reason != v1alpha1.RosterRefusedReason {
		t.Errorf("it was refused a minute ago, and the reason is %s", reason)
	}
	if line := d.LogLine(d.Status()); len(line) > 0 && strings.Contains(fmt.Sprint(line...), "write") {
		t.Errorf("nothing is tried, and the log has it: %v", line)
	}
	for name, edit := range map[string]func(*enrolment.CourseWorld){
		"the time has come": func(w *enrolment.CourseWorld) { w.Now = noon.Add(6 * time.Minute) },
		"a row changed":     func(w *enrolment.CourseWorld) { w.Files[0].Data = []byte("user\nkai\nyui\n") },
		"somebody asked": func(w *enrolment.CourseWorld) {
			w.Course.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": "now"}
		},
		"the process was restarted": func(w *enrolment.CourseWorld) { w.Tried = nil },
	} {
		if d := refused(edit); !d.Due() {
			t.Errorf("%s, and the rows are not written", name)
		}
	}
}

// An API server that is down is asked less and less often.
func TestInterruptionsBackOff(t *testing.T) {
	w, last := worldOf(nil, "kai"), time.Duration(0)
	for range 20 {
		d := enrolment.DecideCourse(w)
		if !d.Due() {
			t.Fatalf("after %s it is not tried again", last)
		}
		attempt := d.NewAttempt()
		attempt.FailWant(d.Plan.Wants[0], apierrors.NewInternalError(errors.New("etcd")))
		wait := attempt.Until.Sub(w.Now)
		if wait < last || wait > 2*time.Minute {
			t.Fatalf("it is tried again after %s, and before that after %s", wait, last)
		}
		w.Tried, w.Now, last = attempt, attempt.Until, wait
	}
	if last != 2*time.Minute {
		t.Errorf("in the end it is tried every %s", last)
	}
}

// What was written is not counted yet: until the cache shows it, the Course is on
// its way, and nobody takes its counts for those of this generation.
func TestWrittenIsNotFinished(t *testing.T) {
	w := worldOf(settle(owned("rin")), "kai", "rin")
	d := enrolment.DecideCourse(w)
	d.Tried = d.NewAttempt()
	status := d.Status()
	if ready := condition(t, status, v1alpha1.ReadyCondition); ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ProgressingReason {
		t.Errorf("Ready is %+v", ready)
	}
	if valid := condition(t, status, v1alpha1.RosterValidCondition); valid.Status != metav1.ConditionUnknown {
		t.Errorf("RosterValid is %+v, as if all were done", valid)
	}
	if status.ObservedGeneration != 1 || status.Roster.Digest != "before" {
		t.Errorf("the status describes generation %d and roster %q, as if all were done", status.ObservedGeneration, status.Roster.Digest)
	}
	if wait := d.Next().Sub(noon); wait != time.Second {
		t.Errorf("it is counted after %s", wait)
	}

	w.Course.Status, w.Userlands = status, settle(owned("kai", "rin"))
	d = enrolment.DecideCourse(w)
	status = d.Status()
	if ready := condition(t, status, v1alpha1.ReadyCondition); ready.Status != metav1.ConditionTrue || ready.Message != "2 of 2 ready" {
		t.Errorf("Ready is %+v", ready)
	}
	if d.Due() || status.ObservedGeneration != 2 || status.Roster.Digest == "before" || !d.Next().IsZero() {
		t.Errorf("it is not finished: %+v, again at %s", status, d.Next())
	}
	w.Course.Status = status
	if line := enrolment.DecideCourse(w).LogLine(status); line != nil {
		t.Errorf("nothing changed, and the log has it: %v", line)
	}
}

func TestSuspendedWritesNothing(t *testing.T) {
	w := worldOf(settle(owned("rin")), "kai")
	w.Course.Spec.Suspend = true
	d := enrolment.DecideCourse(w)
	if d.Due() || !d.Next().IsZero() {
		t.Errorf("a suspended Course is written to, or again at %s", d.Next())
	}
	if ready := condition(t, d.Status(), v1alpha1.ReadyCondition); ready.Reason != v1alpha1.SuspendedReason || !strings.HasPrefix(ready.Message, "suspended: 1 of 1 ready") {
		t.Errorf("Ready is %+v", ready)
	}
}

// A refusal to remove a Userland is in the status as well.
func TestRefusedRemovalIsInTheStatus(t *testing.T) {
	d := enrolment.DecideCourse(worldOf(settle(owned("kai", "rin", "sora", "yui")), "rin", "sora", "yui"))
	if len(d.Plan.Removals) != 1 {
		t.Fatalf("to be removed: %v", d.Plan.Removals)
	}
	d.Tried = d.NewAttempt()
	d.Tried.FailRemoval(d.Plan.Removals[0], apierrors.NewForbidden(userlands, "kai", errors.New("students stay")))
	if valid := condition(t, d.Status(), v1alpha1.RosterValidCondition); !strings.Contains(valid.Message, "students stay") || strings.Contains(valid.Message, "kai") {
		t.Errorf("RosterValid is %+v", valid)
	}
}

// What can't be read is in the status as well, and nothing else changes.
func TestUnreadIsInTheStatus(t *testing.T) {
	w := worldOf(nil)
	w.Course.Status.Userlands = &v1alpha1.UserlandCounts{Total: 2, Ready: 2}
	w.Files, w.Unread = nil, fmt.Errorf("list the userlands of the course: %w", apierrors.NewInternalError(errors.New("no cache")))
	d := enrolment.DecideCourse(w)
	status := d.Status()
	if ready := condition(t, status, v1alpha1.ReadyCondition); ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "no cache") {
		t.Errorf("Ready is %+v", ready)
	}
	if d.Due() || status.ObservedGeneration != 1 || status.Userlands.Total != 2 || d.Unavailable() == nil || d.Next().Sub(noon) > 2*time.Minute {
		t.Errorf("nothing was read, and it decides %+v, again at %s", status, d.Next())
	}
}

// A login that is corrected in case is a new Userland, which waits for the former one to
// be gone. Until it is there, the Course does not say that all is done.
func TestCorrectedLoginWaits(t *testing.T) {
	there := settle(owned("Kai", "rin", "sora"))
	rows := []string{"kai", "rin", "sora"}
	deletion := metav1.NewTime(noon)
	there[0].DeletionTimestamp = &deletion
	d := enrolment.DecideCourse(worldOf(there, rows...))
	status := d.Status()
	if ready := condition(t, status, v1alpha1.ReadyCondition); d.Due() || ready.Reason != v1alpha1.ProgressingReason || status.ObservedGeneration != 1 ||
		!strings.Contains(ready.Message, "1 rows wait until the former carrels") || status.Roster.Digest != "before" {
		t.Errorf("while the former carrel goes, it is due: %t, and the status %+v", d.Due(), status)
	}
	if made := words(enrolment.DecideCourse(worldOf(there[1:], rows...)).Plan); made != "make kai" {
		t.Errorf("once it is gone, the plan is to %q", made)
	}
	// The guard holds the removal: the row waits with it, and the Course says which.
	one := enrolment.DecideCourse(worldOf(settle(owned("Kai")), "kai"))
	status = one.Status()
	if valid := condition(t, status, v1alpha1.RosterValidCondition); one.Due() || status.ObservedGeneration != 2 ||
		!strings.Contains(valid.Message, "roster.csv line 2: the user of a carrel was corrected in upper and lower case") {
		t.Errorf("while the removal is held, it is due: %t, and the Course says %q", one.Due(), valid.Message)
	}
	condition(t, status, v1alpha1.HeldCondition)
}
