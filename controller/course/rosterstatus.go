package course

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/roster"
)

// maxProblems is how many problems a status shows of each sort.
const maxProblems = 20

// status says what came of the rosters; nil if the Course has none.
func (e enrolled) status(before *v1alpha1.RosterStatus) *v1alpha1.RosterStatus {
	if e.reason == "" {
		return nil
	}
	status := &v1alpha1.RosterStatus{
		Held:       e.plan.Held,
		ErrorCount: int32(len(e.plan.Errors)), Errors: problems(e.plan.Errors),
		WarningCount: int32(len(e.plan.Warnings)), Warnings: problems(e.plan.Warnings),
	}
	switch {
	case len(e.plan.Errors) == 0 && e.plan.Held == nil:
		status.Digest, status.Rows = e.plan.Digest, e.plan.Rows
	case before != nil:
		status.Digest, status.Rows = before.Digest, before.Rows
	}
	return status
}

func problems(all []roster.Problem) []v1alpha1.RosterProblem {
	var told []v1alpha1.RosterProblem
	for _, p := range all[:min(len(all), maxProblems)] {
		told = append(told, v1alpha1.RosterProblem{
			File: p.File, Line: int32(p.Line), Column: int32(p.Column), Header: p.Header, Cause: p.Cause, Cure: p.Cure,
		})
	}
	return told
}

// verdict is what the rosters have to say of the Course; empty if they are in
// order.
func (e enrolled) verdict() health.Verdict {
	switch {
	case len(e.plan.Errors) > 0:
		// A ConfigMap that is not there may be on its way; a watch tells of it.
		return health.Verdict{Stalled: e.reason != v1alpha1.RosterNotFoundReason, Reason: e.reason, Message: e.errorWords()}
	case e.plan.Held != nil:
		return health.Verdict{Stalled: true, Reason: v1alpha1.RemovalHeldReason, Message: enrolment.Words(*e.plan.Held)}
	}
	return health.Verdict{}
}

// errorWords is the first error, and how many there are.
func (e enrolled) errorWords() string {
	text := e.plan.Errors[0].String()
	if more := len(e.plan.Errors) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	if e.begun {
		return text + "; the other rows are brought about"
	}
	return text + "; until then nothing changes"
}

// conditions are those about the rosters.
func (e enrolled) conditions(c *v1alpha1.Course, now time.Time) []metav1.Condition {
	if e.reason == "" {
		return nil
	}
	valid, message := metav1.ConditionTrue, e.words()
	if len(e.plan.Errors) > 0 {
		valid, message = metav1.ConditionFalse, e.errorWords()
	}
	found := []metav1.Condition{health.FurtherCondition(c.Status.Conditions, v1alpha1.RosterValidCondition, valid, e.reason, message, c.Generation, now)}
	if e.plan.Held != nil {
		found = append(found, health.TrueCondition(c.Status.Conditions, v1alpha1.HeldCondition, v1alpha1.RemovalHeldReason,
			enrolment.Words(*e.plan.Held), c.Generation, now))
	}
	return found
}

// words are for rosters without errors.
func (e enrolled) words() string {
	text := fmt.Sprintf("%d rows", e.plan.Rows)
	if e.plan.Files > 0 {
		text += fmt.Sprintf(", %d of them left to files of their own", e.plan.Files)
	}
	if n := len(e.plan.Warnings); n > 0 {
		text += fmt.Sprintf("; %d warnings, the first: %s", n, e.plan.Warnings[0])
	}
	return text
}

// rosterConfiguration is a status as an apply takes it.
func rosterConfiguration(status *v1alpha1.RosterStatus) *v1alpha1ac.RosterStatusApplyConfiguration {
	config := v1alpha1ac.RosterStatus().
		WithDigest(status.Digest).WithRows(status.Rows).
		WithErrorCount(status.ErrorCount).WithErrors(problemConfigurations(status.Errors)...).
		WithWarningCount(status.WarningCount).WithWarnings(problemConfigurations(status.Warnings)...)
	if held := status.Held; held != nil {
		config.WithHeld(v1alpha1ac.HeldRemoval().WithRemovals(held.Removals).WithOf(held.Of).WithConfirm(held.Confirm))
	}
	return config
}

func problemConfigurations(all []v1alpha1.RosterProblem) []*v1alpha1ac.RosterProblemApplyConfiguration {
	configs := make([]*v1alpha1ac.RosterProblemApplyConfiguration, len(all))
	for i, p := range all {
		configs[i] = v1alpha1ac.RosterProblem().WithFile(p.File).WithLine(p.Line).WithColumn(p.Column).
			WithHeader(p.Header).WithCause(p.Cause).WithCure(p.Cure)
	}
	return configs
}
