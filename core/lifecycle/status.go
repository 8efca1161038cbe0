package lifecycle

import (
	"cmp"
	"fmt"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/timetable"
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
	status.LastEnd = health.LastEnd(w.Pods, u.Status.LastEnd)
	status.LastHandledReconcileAt = u.Annotations[fluxmeta.ReconcileRequestAnnotation]
	if d.carriedOut(o) {
		return w.withDone(status, d)
	}
	if w.triesAgain(d, status) {
		status.QueuedSince = w.presenceFacts().queuedSince()
	}
	return w.withFormer(status)
}

// triesAgain reports whether a carrel that was refused waits for a place in the queue
// until it is tried again.
func (w World) triesAgain(d Decision, status v1alpha1.UserlandStatus) bool {
	return w.Turn.Bounded && !w.Runs() && status.State == v1alpha1.StateFailing && d.Presence.Presence == health.Running
}

// withDone adds what was carried out.
func (w World) withDone(status v1alpha1.UserlandStatus, d Decision) v1alpha1.UserlandStatus {
	status.LastStartTime, status.IdleFrom, status.Handled = d.Presence.LastStart, d.Presence.IdleFrom, w.handled(d)
	if status.Template != nil {
		// Without a plan, the carrel keeps the revision it has.
		wanted, has := d.Presence.Presence == health.Running, CurrentRevision(w.Deployment)
		if d.Plan != nil {
			wanted, has = d.Plan.Run, d.Plan.Revision
		}
		status.Template.Revision = provenBy(wanted, status.State == v1alpha1.StateRunning, has, ProvenRevision(w.Userland))
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
	case w.rolling(d.Plan.Revision) && w.Session.InSession():
		return v1alpha1.RollingOutReason, fmt.Sprintf("the carrel goes on as it was until its session is over at %s, and is then restarted for the edit of Template %q when it is its turn",
			moment(w.SessionEnd), w.Template.Name)
	case w.rolling(d.Plan.Revision):
		return v1alpha1.RollingOutReason, fmt.Sprintf("the carrel goes on as it was until it is its turn to be restarted for the edit of Template %q", w.Template.Name)
	case w.moved(d.Plan.Revision):
		return v1alpha1.OlderRevisionReason, fmt.Sprintf("the carrel goes on as it was, and takes Template %q when it next starts", w.Template.Name)
	default:
		return v1alpha1.OlderRevisionReason, fmt.Sprintf("the carrel goes on as it was; Template %q has a newer revision, which it takes when it next starts%s", w.Template.Name, w.forcedFrom(d.Plan.Revision))
	}
}

// forcedFrom returns from when on a carrel is restarted that has a revision from before
// an edit, to be put after a message; empty: never.
func (w World) forcedFrom(made string) string {
	deadline, err := timetable.ParsePeriod(w.Template.Spec.Rollout.Deadline)
	if err != nil || !w.edited(made) {
		return ""
	}
	since := w.Now.Truncate(time.Second)
	if pending := pendingCondition(w.Userland.Status); len(pending) > 0 {
		since = pending[0].LastTransitionTime.Time
	}
	from := latest(w.Template.Status.Revision.Since.Time, since).Add(deadline)
	if w.Session.InSession() && from.Before(w.SessionEnd) {
		return fmt.Sprintf("; from %s on, when its session is over, it is restarted for that", moment(w.SessionEnd))
	}
	return fmt.Sprintf("; from %s on it is restarted for that, but not during a session", moment(from))
}

// readyReason returns the reason of the Ready condition; empty if there is none.
func readyReason(s v1alpha1.UserlandStatus) string {
	if ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ReadyCondition); ready != nil {
		return ready.Reason
	}
	return ""
}
