package lifecycle

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// pendingGrace is how long a Template may take to be judged, or its revision to be
// seen, before the Userlands that follow it report it. It usually takes
// milliseconds, and reporting it would cost a write for each Userland.
const pendingGrace = 10 * time.Second

// observedTemplate returns the Template as it was when it was judged last: until
// an edit is judged, carrels go by the former judgement. It is nil if no Template
// is named.
func (w World) observedTemplate() *v1alpha1.ObservedTemplate {
	switch name := w.TemplateName(); {
	case name == "":
		return nil
	case w.Template == nil:
		return &v1alpha1.ObservedTemplate{Name: name}
	default:
		return &v1alpha1.ObservedTemplate{Name: name, Generation: max(w.Template.Status.ObservedGeneration, 0)}
	}
}

// templateTrouble returns why no new carrel can be made of the Template; nil if
// one can, or if the Template was never judged.
func (w World) templateTrouble() *health.Finding {
	switch name := w.TemplateName(); {
	case name == "":
		return &health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.NoTemplateReason, Stalled: true, Message: fmt.Sprintf(
			"neither this Userland nor Course %q names a Template: set spec.templateName in one of them", w.Userland.Namespace)}
	case w.Template == nil:
		return &health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.TemplateNotFoundReason, Message: fmt.Sprintf(
			"there is no Template %q in %q yet: add it, or correct spec.templateName", name, w.Userland.Namespace)}
	default:
		ready := meta.FindStatusCondition(w.Template.Status.Conditions, v1alpha1.ReadyCondition)
		if ready == nil || meta.IsStatusConditionTrue(w.Template.Status.Conditions, v1alpha1.ReadyCondition) {
			return nil
		}
		return &health.Finding{State: v1alpha1.StateFailing, Reason: v1alpha1.TemplateInvalidReason, Stalled: true, Message: fmt.Sprintf(
			"Template %q is invalid: %s", name, ready.Message)}
	}
}

// revisionPending returns what there is to say while no revision of the Template
// is seen although nothing is known to be wrong with it, and from when on.
func (w World) revisionPending() (finding *health.Finding, from time.Time) {
	since := w.Template.CreationTimestamp.Time
	if revision := w.Template.Status.Revision; revision != nil && revision.Since.After(since) {
		since = revision.Since.Time
	}
	return &health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.TemplatePendingReason, Recheck: health.RetrySlow, Message: fmt.Sprintf(
		"Template %q was not tried on the API server yet: its own conditions, and the log of the controller, say why", w.Template.Name)}, since.Add(pendingGrace)
}

// withTemplateTrouble returns the finding with what is wrong with the Template. An
// invalid Template changes no carrel: one that was made before goes on as it was.
func withTemplateTrouble(now health.Finding, trouble *health.Finding) health.Finding {
	if trouble == nil || now.State == v1alpha1.StateDisabled {
		return now
	}
	finding := *trouble
	finding.Recheck = now.Recheck
	if now.Ready {
		finding.State = now.State
		finding.Message += "; the carrel goes on as it was"
	}
	return finding
}
