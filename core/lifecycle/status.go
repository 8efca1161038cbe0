package lifecycle

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// status returns the controller's part of the status.
func (w World) status(d Decision, o Outcome, finding health.Finding) v1alpha1.UserlandStatus {
	u := w.Userland
	verdict := health.Verdict{Ready: finding.Ready, Stalled: finding.Stalled, Reason: finding.Reason, Message: finding.Message}
	status := v1alpha1.UserlandStatus{
		ObservedGeneration: u.Generation,
		User:               u.User(),
		State:              finding.State,
		Template:           w.observedTemplate(),
		Address:            cmp.Or(d.address, u.Status.Address),
		QueuedSince:        d.Presence.QueuedSince,
		Conditions:         health.ConditionsOf(u.Status.Conditions, verdict, u.Generation, w.Now),
	}
	if d.carriedOut(o) {
		return w.withDone(status, d)
	}
	return w.withFormer(status)
}

// withDone adds what was carried out.
func (w World) withDone(status v1alpha1.UserlandStatus, d Decision) v1alpha1.UserlandStatus {
	status.LastStartTime, status.IdleFrom, status.Handled = d.Presence.LastStart, d.Presence.IdleFrom, w.handled(d)
	if status.Template != nil && d.Plan != nil {
		status.Template.Revision = provenBy(d.Plan.Run, status.State == v1alpha1.StateRunning, d.Plan.Revision, ProvenRevision(w.Userland))
	}
	if reason, message := w.updatePending(d); reason != "" {
		status.Conditions = append(status.Conditions,
			health.TrueCondition(w.Userland.Status.Conditions, v1alpha1.UpdatePendingCondition, reason, message, w.Userland.Generation, w.Now))
	}
	return status
}

// withFormer adds what was carried out before, since nothing was now.
func (w World) withFormer(status v1alpha1.UserlandStatus) v1alpha1.UserlandStatus {
	before := w.Userland.Status
	status.LastStartTime, status.IdleFrom, status.Handled = before.LastStartTime, before.IdleFrom, before.Handled
	if status.Template != nil {
		status.Template.Revision = ProvenRevision(w.Userland)
	}
	status.Conditions = append(status.Conditions, pendingCondition(before)...)
	return status
}

// pendingCondition returns the UpdatePending condition of a status, if it has one.
func pendingCondition(s v1alpha1.UserlandStatus) []metav1.Condition {
	if pending := meta.FindStatusCondition(s.Conditions, v1alpha1.UpdatePendingCondition); pending != nil {
		return []metav1.Condition{*pending}
	}
	return nil
}

// handled returns the requests that are honoured. The one for fresh volumes is not
// while it is not known which volumes the carrel has, nor before its first start.
func (w World) handled(d Decision) *v1alpha1.HandledRequests {
	if d.Presence.Reset == nil || d.Plan != nil {
		return d.Presence.Handled
	}
	handled := *d.Presence.Handled
	handled.ResetAt = ptr.Deref(w.Userland.Status.Handled, v1alpha1.HandledRequests{}).ResetAt
	if handled == (v1alpha1.HandledRequests{}) {
		return nil
	}
	return &handled
}

// updatePending returns when a running carrel takes the latest revision; empty if
// that is the one it has.
func (w World) updatePending(d Decision) (reason, message string) {
	latest := LatestRevision(w.Template)
	switch {
	case d.Plan == nil || !d.Plan.Run || latest == "" || d.Plan.Revision == latest:
		return "", ""
	case w.rolling(d.Plan.Revision):
		return v1alpha1.RollingOutReason, fmt.Sprintf("the carrel goes on as it was until it is its turn to be restarted for the edit of Template %q", w.Template.Name)
	default:
		return v1alpha1.OlderRevisionReason, fmt.Sprintf("the carrel goes on as it was; Template %q has a newer revision, which it takes when it next starts", w.Template.Name)
	}
}

// readyReason returns the reason of the Ready condition; empty if there is none.
func readyReason(s v1alpha1.UserlandStatus) string {
	if ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ReadyCondition); ready != nil {
		return ready.Reason
	}
	return ""
}
