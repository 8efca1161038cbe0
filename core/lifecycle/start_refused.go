package lifecycle

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// StartRefused returns why the first start of a carrel of a Template would be
// refused; empty if nothing is known to refuse it.
func StartRefused(t *v1alpha1.Template) string {
	if refused := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.StartRefusedCondition); refused != nil {
		return refused.Message
	}
	return ""
}

// startRefused reports whether something is known to refuse the first starts of
// carrels, or could not be asked, and matters to one of them.
func (w TemplateWorld) startRefused() bool {
	known := StartRefused(w.Template) != ""
	if t := w.Trial; t != nil && t.Of == w.tried() {
		known = known || t.Failure != nil || len(t.Refusals)+len(t.Faults) > 0
	}
	return known && w.hasFirstStarts()
}

// hasFirstStarts reports whether carrels are made at a first start that is still to
// come. A Template that nobody follows awaits its class.
func (w TemplateWorld) hasFirstStarts() bool {
	return w.firstStarts() > 0 || w.Template.Spec.Idle != nil && len(w.Userlands) == 0
}

// moreFirstStarts reports whether there are more first starts to come than when the
// API server was asked: a quota may have no room for them.
func (w TemplateWorld) moreFirstStarts() bool {
	return w.Trial != nil && w.Trial.Of == w.tried() && w.firstStarts() > w.Trial.FirstStarts
}

// firstStarts counts the carrels that are made at their first start and were not
// started yet.
func (w TemplateWorld) firstStarts() (n int) {
	for i := range w.Userlands {
		if w.Template.Spec.Idle != nil && w.Userlands[i].Status.LastStartTime == nil {
			n++
		}
	}
	return n
}

// warnOfRefusal adds to the status what refuses first starts: the first student would
// meet it in the lesson. It is tried again, for no watch reports that a policy or a
// quota changed.
func (d *TemplateDecision) warnOfRefusal() {
	w, trial := d.world, d.world.Trial
	if !w.startRefused() {
		return
	}
	again := trial.Until
	if trial.Failure != nil {
		// The Template stands, so nobody waits for the answer.
		again = w.Now.Add(health.RetryLast)
	}
	d.soon(again)
	former := meta.FindStatusCondition(w.Template.Status.Conditions, v1alpha1.StartRefusedCondition)
	refusals := slices.Concat(trial.Refusals, trial.Faults)
	switch {
	case trial.Failure != nil && former != nil:
		d.status.Conditions = append(d.status.Conditions, *former)
	case len(refusals) > 0:
		d.status.Conditions = append(d.status.Conditions, health.TrueCondition(w.Template.Status.Conditions,
			v1alpha1.StartRefusedCondition, v1alpha1.ApplyRefusedReason, strings.Join(refusals, "; "), w.Template.Generation, w.Now))
	}
}

// withRefusedStart returns the finding about a carrel that was never opened with what
// would refuse its start.
func (w World) withRefusedStart(finding health.Finding) health.Finding {
	if w.Template == nil || finding.State != v1alpha1.StateAsleep || !finding.Ready {
		return finding
	}
	if refused := StartRefused(w.Template); refused != "" {
		finding.Ready, finding.Stalled = false, true
		finding.Reason, finding.Message = v1alpha1.ApplyRefusedReason, "it can't be made when its user comes: "+refused
	}
	return finding
}

// templateConditions returns those of the conditions of a Template that are decided
// here.
func templateConditions(all []metav1.Condition) []metav1.Condition {
	return health.OurConditions(all, v1alpha1.RolloutHeldCondition, v1alpha1.StartRefusedCondition)
}
