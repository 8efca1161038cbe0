package lifecycle

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// OwnTemplateStatus returns the part of a status that a TemplateDecision sets.
func OwnTemplateStatus(s v1alpha1.TemplateStatus) v1alpha1.TemplateStatus {
	s.Conditions = templateConditions(s.Conditions)
	s.Trials = nil
	return s
}

// Status returns the status of the Template. It must be called after the writes.
func (d TemplateDecision) Status() v1alpha1.TemplateStatus { return d.status }

// postpone keeps the last verdict until the next attempt, and records the reason.
func (d *TemplateDecision) postpone(problem health.Problem) {
	t := d.world.Template
	d.problem = &problem
	d.status.ObservedGeneration, d.status.Revision = t.Status.ObservedGeneration, t.Status.Revision
	d.status.LastHandledReconcileAt = t.Status.LastHandledReconcileAt
	d.status.Conditions = slices.DeleteFunc(templateConditions(t.Status.Conditions), func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ReconcilingCondition || c.Type == v1alpha1.StalledCondition
	})
	d.status.Conditions = append(d.status.Conditions, health.TrueCondition(t.Status.Conditions,
		v1alpha1.ReconcilingCondition, problem.Reason, problem.Message, t.Generation, d.world.Now))
}

// unchanged keeps the status of a Template that could not be observed, and the
// permissions to restart, and records the reason.
func (d *TemplateDecision) unchanged(problem health.Problem) {
	d.written = true
	d.soon(d.world.Now.Add(problem.Backoff(d.world.Failures)))
	if d.world.Template == nil {
		d.problem = &problem
		return
	}
	d.postpone(problem)
	d.status.Userlands, d.Revision = d.world.Template.Status.Userlands, LatestRevision(d.world.Template)
	for name, revision := range d.world.Granted {
		if revision == d.Revision {
			d.Restart = append(d.Restart, name)
		}
	}
}

// KeepFailed records that the revision could not be created. Carrels go on being
// made of the last one.
func (d *TemplateDecision) KeepFailed(err error) {
	problem := health.Classify(err)
	d.soon(d.world.Now.Add(problem.Backoff(d.world.Failures)))
	d.written = true
	d.postpone(problem)
	d.rollOut()
}

// RemoveFailed records that a revision that nobody uses could not be deleted. It
// does no harm, and the message of the Ready condition says so.
func (d *TemplateDecision) RemoveFailed(err error) {
	problem := health.Classify(err)
	d.problem, d.written = &problem, true
	d.soon(d.world.Now.Add(problem.Backoff(d.world.Failures)))
	if ready := meta.FindStatusCondition(d.status.Conditions, v1alpha1.ReadyCondition); ready != nil && ready.Status == metav1.ConditionTrue {
		ready.Message += "; " + problem.Message
	}
}

// LogLine describes a decision that differs from the last one, as keys and values
// of a structured log; nil if it is the same.
func (d TemplateDecision) LogLine() []any {
	var removed []string
	for _, revision := range d.Remove {
		removed = append(removed, revision.Name)
	}
	if d.world.Template == nil {
		if len(removed) == 0 {
			return nil
		}
		return []any{"to", "Gone", "remove", removed}
	}
	before, now := d.world.Template.Status, d.status
	var restart []string
	for _, name := range d.Restart {
		if d.world.Granted[name] != d.Revision {
			restart = append(restart, name)
		}
	}
	from, to := verdictIn(before.Conditions), verdictIn(now.Conditions)
	if from.reason == to.reason && from.held == to.held && from.refused == to.refused && currentRevision(before) == currentRevision(now) && len(restart)+len(removed) == 0 {
		return nil
	}
	return []any{
		"from", from.reason, "to", to.reason, "because", to.message, "fromRevision", currentRevision(before), "toRevision", currentRevision(now),
		"restart", restart, "held", to.held, "startRefused", to.refused, "remove", removed, "userlands", now.Userlands,
	}
}

// recordedVerdict is what the conditions of a Template say, for the log.
type recordedVerdict struct{ reason, message, held, refused string }

func verdictIn(all []metav1.Condition) (v recordedVerdict) {
	for _, kind := range []string{v1alpha1.ReadyCondition, v1alpha1.ReconcilingCondition} {
		if c := meta.FindStatusCondition(all, kind); c != nil {
			v.reason, v.message = c.Reason, c.Message
		}
	}
	if held := meta.FindStatusCondition(all, v1alpha1.RolloutHeldCondition); held != nil {
		v.held = held.Message
	}
	if refused := meta.FindStatusCondition(all, v1alpha1.StartRefusedCondition); refused != nil {
		v.refused = refused.Message
	}
	return v
}
