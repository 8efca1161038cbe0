package enrolment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/roster"
)

// maxProblems bounds how many errors, and how many warnings, a status shows.
const maxProblems = 20

// OwnStatus returns the part of a status that a CourseDecision sets. Others write the
// rest: the reporter, the controller of volumes, and people.
func OwnStatus(s v1alpha1.CourseStatus) v1alpha1.CourseStatus {
	s.Report, s.Volumes, s.Requests = nil, nil, nil
	s.Conditions = health.OurConditions(s.Conditions, v1alpha1.RosterValidCondition, v1alpha1.HeldCondition, v1alpha1.RolloutHeldCondition)
	return s
}

// Status returns the status of the Course. It must be called after the Plan was
// tried.
func (d CourseDecision) Status() v1alpha1.CourseStatus {
	course, counts := d.world.Course, health.Count(d.world.Userlands)
	switch {
	case d.unread != nil:
		return d.unchanged(health.Verdict{Stalled: d.unread.Stalled, Reason: d.unread.Reason, Message: d.unread.Message})
	case course.Spec.Suspend:
		return d.suspended(counts)
	}
	session, _ := d.session()
	status := v1alpha1.CourseStatus{
		ObservedGeneration: course.Generation,
		Userlands:          &counts,
		Session:            session,
		Roster:             d.rosterStatus(),

		LastHandledReconcileAt: course.Annotations[fluxmeta.ReconcileRequestAnnotation],
		Conditions:             health.ConditionsOf(course.Status.Conditions, d.verdict(counts), course.Generation, d.world.Now),
	}
	if d.unfinished() {
		// Whoever waits for this generation, the reporter for instance, goes on waiting.
		status.ObservedGeneration, status.LastHandledReconcileAt = course.Status.ObservedGeneration, course.Status.LastHandledReconcileAt
	}
	status.Conditions = append(status.Conditions, d.rosterConditions()...)
	if reason, held := heldRollouts(d.world.Templates); held != "" {
		status.Conditions = append(status.Conditions, health.TrueCondition(course.Status.Conditions,
			v1alpha1.RolloutHeldCondition, reason, held, course.Generation, d.world.Now))
	}
	return status
}

// suspended returns the status that the Course had, with new counts and the
// reason why nothing changes.
func (d CourseDecision) suspended(counts v1alpha1.UserlandCounts) v1alpha1.CourseStatus {
	status := d.unchanged(health.Verdict{
		Reason:  v1alpha1.SuspendedReason,
		Message: "suspended: " + health.Summary(counts) + "; nothing is made, started, stopped or removed until spec.suspend is taken out of the Course",
	})
	status.ObservedGeneration, status.Userlands = d.world.Course.Generation, &counts
	return status
}

// unchanged returns the status that the Course had, with another verdict.
func (d CourseDecision) unchanged(verdict health.Verdict) v1alpha1.CourseStatus {
	course, status := d.world.Course, OwnStatus(d.world.Course.Status)
	others := slices.DeleteFunc(status.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ReadyCondition || c.Type == v1alpha1.ReconcilingCondition || c.Type == v1alpha1.StalledCondition
	})
	status.Conditions = append(health.ConditionsOf(course.Status.Conditions, verdict, course.Generation, d.world.Now), others...)
	return status
}

// unfinished reports whether changes are left to write, or were written just now
// and are not counted yet.
func (d CourseDecision) unfinished() bool {
	return d.Tried != nil && len(d.Tried.Refused) == 0 || d.waits()
}

// waits reports whether rows wait for former carrels to be gone. While the removal of
// those is held, the Course waits for a person instead.
func (d CourseDecision) waits() bool { return len(d.Plan.Waiting) > 0 && d.Plan.Held == nil }

// errors lists what is wrong with the rosters.
func (d CourseDecision) errors() []roster.Problem {
	if d.Tried != nil {
		return d.Tried.Refused
	}
	return d.Plan.Errors
}

// verdict is Stalled for what is wrong with the Course itself only. A carrel that
// fails says so itself, where it can be cured.
func (d CourseDecision) verdict(counts v1alpha1.UserlandCounts) health.Verdict {
	tried, summary := d.Tried, health.Summary(counts)
	switch {
	case d.world.TimetableError != nil:
		return health.Verdict{Stalled: true, Reason: v1alpha1.TimetableInvalidReason, Message: d.world.TimetableError.Error()}
	case len(d.errors()) > 0:
		// A ConfigMap that does not exist may be on its way; a watch reports it.
		return health.Verdict{Stalled: d.reason() != v1alpha1.RosterNotFoundReason, Reason: d.reason(), Message: d.errorMessage()}
	case tried != nil && tried.Interrupted != nil:
		return health.Verdict{Stalled: tried.Interrupted.Stalled, Reason: d.reason(), Message: tried.Interrupted.Message}
	case d.Plan.Held != nil:
		return health.Verdict{Stalled: true, Reason: v1alpha1.RemovalHeldReason, Message: Words(*d.Plan.Held)}
	case tried != nil:
		return health.Verdict{Reason: d.reason(), Message: d.writtenMessage() + "; before that, " + summary}
	case d.waits():
		return health.Verdict{Reason: d.reason(), Message: d.waitingMessage() + "; " + summary}
	case len(counts.Attention) > 0:
		return health.Verdict{Reason: v1alpha1.NeedsAttentionReason, Message: summary}
	case counts.Ready < counts.Total:
		return health.Verdict{Reason: v1alpha1.ProgressingReason, Message: summary}
	default:
		return health.Verdict{Ready: true, Reason: v1alpha1.AllReadyReason, Message: summary}
	}
}

// reason returns the reason of the RosterValid condition.
func (d CourseDecision) reason() string {
	switch {
	case d.Tried != nil && len(d.Tried.Refused) > 0:
		return v1alpha1.RosterRefusedReason
	case d.Tried != nil && d.Tried.Interrupted != nil:
		return d.Tried.Interrupted.Reason
	case d.Tried != nil, d.waits():
		return v1alpha1.ProgressingReason
	default:
		return d.rosters
	}
}

// writtenMessage describes changes that were written and are not counted yet.
func (d CourseDecision) writtenMessage() string {
	return fmt.Sprintf("the rosters changed: %d Userlands written, %d removed", len(d.Plan.Wants), len(d.Plan.Removals))
}

// waitingMessage describes rows whose former carrels have to go first.
func (d CourseDecision) waitingMessage() string {
	return fmt.Sprintf("%d rows wait until the former carrels of the same students are gone, so that their work goes along", len(d.Plan.Waiting))
}

// errorMessage returns the first error, and how many more there are.
func (d CourseDecision) errorMessage() string {
	text := d.errors()[0].String()
	if more := len(d.errors()) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	if d.Tried != nil && d.Tried.Begun {
		return text + "; the other rows are brought about"
	}
	return text + "; until then nothing changes"
}

// readMessage describes rosters without errors.
func (d CourseDecision) readMessage() string {
	text := fmt.Sprintf("%d rows", d.Plan.Rows)
	if d.Plan.Files > 0 {
		text += fmt.Sprintf(", %d of them left to files of their own", d.Plan.Files)
	}
	if n := len(d.Plan.Warnings); n > 0 {
		text += fmt.Sprintf("; %d warnings, the first: %s", n, d.Plan.Warnings[0])
	}
	return text
}

// rosterConditions returns the conditions about the rosters.
func (d CourseDecision) rosterConditions() []metav1.Condition {
	if d.rosters == "" {
		return nil
	}
	course := d.world.Course
	valid, message := metav1.ConditionTrue, d.readMessage()
	switch {
	case len(d.errors()) > 0:
		valid, message = metav1.ConditionFalse, d.errorMessage()
	case d.Tried != nil && d.Tried.Interrupted != nil:
		valid, message = metav1.ConditionUnknown, d.Tried.Interrupted.Message
	case d.Tried != nil:
		valid, message = metav1.ConditionUnknown, d.writtenMessage()
	case d.waits():
		valid, message = metav1.ConditionUnknown, d.waitingMessage()
	}
	found := []metav1.Condition{health.FurtherCondition(course.Status.Conditions, v1alpha1.RosterValidCondition, valid, d.reason(), message, course.Generation, d.world.Now)}
	if d.Plan.Held != nil {
		found = append(found, health.TrueCondition(course.Status.Conditions, v1alpha1.HeldCondition, v1alpha1.RemovalHeldReason,
			Words(*d.Plan.Held), course.Generation, d.world.Now))
	}
	return found
}

// rosterStatus returns what came of the rosters; nil if the Course has none. It
// has the digest of the rows that were last brought about completely: the guard
// compares the next ones with those.
func (d CourseDecision) rosterStatus() *v1alpha1.RosterStatus {
	if d.rosters == "" {
		return nil
	}
	status := v1alpha1.RosterStatus{}
	if before := d.world.Course.Status.Roster; before != nil {
		status = v1alpha1.RosterStatus{Digest: before.Digest, Rows: before.Rows, Gone: before.Gone, Largest: before.Largest}
	}
	switch {
	case len(d.Plan.Errors) > 0:
	case len(d.errors()) == 0 && d.Plan.Held == nil && d.Tried == nil && !d.waits():
		status = d.Plan.Completed()
	default:
		status.Gone, status.Largest = d.Plan.Gone, d.Plan.Largest
	}
	status.Held = d.Plan.Held
	status.ErrorCount, status.Errors = int32(len(d.errors())), shownProblems(d.errors())
	status.WarningCount, status.Warnings = int32(len(d.Plan.Warnings)), shownProblems(d.Plan.Warnings)
	return &status
}

func shownProblems(all []roster.Problem) []v1alpha1.RosterProblem {
	var shown []v1alpha1.RosterProblem
	for _, p := range all[:min(len(all), maxProblems)] {
		shown = append(shown, v1alpha1.RosterProblem{
			File: p.File, Line: int32(p.Line), Column: int32(p.Column), Header: p.Header, Cause: health.CutMessage(p.Cause), Cure: p.Cure,
		})
	}
	return shown
}

// heldRollouts describes the roll-outs of a course that are held, and why, with the
// reason of the first; empty if none is.
func heldRollouts(templates []v1alpha1.Template) (reason, message string) {
	var held []string
	for _, t := range slices.SortedFunc(slices.Values(templates), func(a, b v1alpha1.Template) int { return strings.Compare(a.Name, b.Name) }) {
		if c := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.RolloutHeldCondition); c != nil {
			reason = cmp.Or(reason, c.Reason)
			held = append(held, fmt.Sprintf("Template %q: %s", t.Name, c.Message))
		}
	}
	return reason, strings.Join(held, "; ")
}

// HeldRollout returns why the roll-out of a Template is held; empty if it is not.
func HeldRollout(t *v1alpha1.Template) string {
	if held := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.RolloutHeldCondition); held != nil {
		return held.Message
	}
	return ""
}
