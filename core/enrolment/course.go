package enrolment

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/timetable"
)

// CourseWorld holds everything that the decision about a Course rests on, read at
// one moment.
type CourseWorld struct {
	// Course is the class. Its status holds what was decided before.
	Course *v1alpha1.Course
	// Userlands and Templates are all of the namespace.
	Userlands []v1alpha1.Userland
	Templates []v1alpha1.Template
	// Files are the files of the rosters. Missing names the ConfigMaps in
	// spec.rosters that do not exist.
	Files   []roster.File
	Missing []string
	// Timetable is nil if the Course has none, or an invalid one. Then
	// TimetableError names the field.
	Timetable      *timetable.Table
	TimetableError error
	// Tried is the last attempt to write changes of the rosters that failed; nil
	// if none did, or if it was forgotten.
	Tried *Attempt
	// Unread is why some of this could not be read; nil: all was. With it, only the
	// Course and the time are set for certain, and nothing but the status changes.
	Unread error
	// Now is the time.
	Now time.Time
}

// CourseDecision holds what to do for a Course and, once that was tried, its
// status.
type CourseDecision struct {
	// Plan holds the Userlands to write and to remove.
	Plan Plan
	// Tried is an attempt to write the Plan that failed and is not due again. If
	// it is nil and the Plan has changes, the caller makes an attempt and sets it.
	Tried *Attempt

	world CourseWorld
	// rosters is the reason of the RosterValid condition before anything is
	// written; empty for a Course that has no rosters and never had.
	rosters string
	// unread describes what could not be read; nil: nothing.
	unread *health.Problem
}

// DecideCourse decides what to do for a Course. It changes none of its arguments
// and keeps references to the Userlands.
func DecideCourse(w CourseWorld) CourseDecision {
	d := CourseDecision{world: w}
	switch {
	case w.Unread != nil:
		problem := health.Classify(w.Unread)
		d.unread = &problem
		return d
	case w.Course.Spec.Suspend:
		return d
	case len(w.Missing) > 0:
		d.Plan.Errors, d.rosters = notFound(w.Missing), v1alpha1.RosterNotFoundReason
		return d
	}
	d.Plan = Make(w.Course, w.Userlands, roster.Read(w.Files...), w.Now)
	switch {
	case len(d.Plan.Errors) > 0:
		d.rosters = v1alpha1.RosterInvalidReason
	case len(w.Course.Spec.Rosters) > 0, w.Course.Status.Roster != nil, d.Plan.Held != nil, d.Plan.changes() > 0, d.waits():
		d.rosters = v1alpha1.RosterReadReason
	}
	if d.Plan.changes() > 0 && w.Tried.holds(w.Course, d.Plan, w.Now) {
		d.Tried = w.Tried
	}
	return d
}

func notFound(configMaps []string) []roster.Problem {
	problems := make([]roster.Problem, len(configMaps))
	for i, name := range configMaps {
		problems[i] = roster.Problem{
			Place: roster.Place{File: "ConfigMap " + name},
			Cause: `there is none of this name that is labelled carrel.dev/roster: "true"`,
			Cure:  "list it in configMapGenerator with this label, or take it out of spec.rosters of the Course",
		}
	}
	return problems
}

// Due reports whether the changes of the Plan have to be written now.
func (d CourseDecision) Due() bool { return d.Tried == nil && d.Plan.changes() > 0 }

// Record returns the status that has to be written before the removals of the Plan are
// made, and whether it is not there yet: what the guard remembers must not depend on
// the process that removes. Of the rest of the status nothing changes.
func (d CourseDecision) Record() (status v1alpha1.CourseStatus, due bool) {
	status = OwnStatus(d.world.Course.Status)
	recorded := d.Plan.Recorded(status.Roster)
	due = len(d.Plan.Removals) > 0 && !equality.Semantic.DeepEqual(recorded, status.Roster)
	status.Roster = recorded
	return status, due
}

// changes counts the Userlands to write and to remove.
func (p Plan) changes() int { return len(p.Wants) + len(p.Removals) }

// Next returns when the Course has to be reconciled again though nothing
// happens; zero: never.
func (d CourseDecision) Next() time.Time {
	if d.unread != nil {
		return d.world.Now.Add(d.unread.Retry)
	}
	_, next := d.session()
	if d.Tried != nil && (next.IsZero() || d.Tried.Until.Before(next)) {
		return d.Tried.Until
	}
	return next
}

// Unavailable returns why the API server could not be asked to write the Plan, or
// what could not be read; nil if it answered, or if nothing was written now.
func (d CourseDecision) Unavailable() error {
	if d.unread != nil && d.unread.Cause == health.Unavailable {
		return d.world.Unread
	}
	if !d.triedNow() || d.Tried.Interrupted == nil || d.Tried.Interrupted.Cause != health.Unavailable {
		return nil
	}
	return errors.New(d.Tried.Interrupted.Message)
}

func (d CourseDecision) triedNow() bool { return d.Tried != nil && d.Tried.At.Equal(d.world.Now) }

// session returns what the status says of the timetable, and until when.
func (d CourseDecision) session() (status *v1alpha1.SessionStatus, until time.Time) {
	if d.world.Timetable == nil || d.world.Course.Spec.Suspend {
		return nil, until
	}
	text, until := d.world.Timetable.Summary(d.world.Now)
	return &v1alpha1.SessionStatus{Text: text}, until
}

// LogLine describes a decision that differs from the last one, as keys and values
// of a structured log; nil if it is the same. The status is the one that results.
func (d CourseDecision) LogLine(status v1alpha1.CourseStatus) []any {
	before, now := readyIn(d.world.Course.Status.Conditions), readyIn(status.Conditions)
	if before.Reason == now.Reason && !d.triedNow() {
		return nil
	}
	line := []any{"from", before.Reason, "to", now.Reason, "because", now.Message}
	if d.triedNow() {
		line = append(line, "write", len(d.Plan.Wants), "remove", len(d.Plan.Removals), "refused", len(d.Tried.Refused))
	}
	if held := d.Plan.Held; held != nil {
		line = append(line, "held", fmt.Sprintf("%d of %d", held.Removals, held.Of))
	}
	return line
}

// readyIn returns the Ready condition; the zero value if there is none yet.
func readyIn(all []metav1.Condition) metav1.Condition {
	if ready := meta.FindStatusCondition(all, v1alpha1.ReadyCondition); ready != nil {
		return *ready
	}
	return metav1.Condition{}
}
