package lifecycle

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// Outcome is what came of the writes of a Decision.
type Outcome struct {
	// Deployment is the one that the API server returned; nil if it was not written.
	Deployment *appsv1.Deployment
	// Claims are those of the carrel, as far as they exist.
	Claims []corev1.PersistentVolumeClaim
	// Notice is what people have to know of the claims, to be put after a message.
	Notice string
	// Next is when claims that the carrel has no use for need a step; zero: never.
	Next time.Time
	// Err is the write that failed and ended the rest; nil: none did. It names the
	// object.
	Err error
}

// Conclude returns the decision with the status that holds after its writes.
func Conclude(w World, d Decision, o Outcome) Decision {
	if d.final {
		return d
	}
	deployment := o.Deployment
	if deployment == nil {
		deployment = w.Deployment
	}
	finding := w.judge(d.Presence, deployment, o.Claims)
	if err := cmp.Or(o.Err, d.Obstacle); err != nil {
		if d.Presence.Presence == health.Asleep && o.Deployment == nil && w.Runs() {
			// It could not be stopped, and its user can still work.
			finding = w.judge(w.stillRunning(), deployment, o.Claims)
		}
		problem := health.Classify(err)
		d.Problem = &problem
		d.Presence.Next = earlier(d.Presence.Next, w.givesUpAt(d.Presence))
		return w.report(d, o, w.stuckRemoval(problem, problem.Finding(finding)))
	}
	if recorded, stays := w.recordedFinding(d); stays {
		return w.report(d, o, recorded)
	}
	if d.Unopened {
		finding = w.withRefusedStart(finding)
	}
	finding = withTemplateTrouble(finding, w.templateTrouble())
	finding.Message += d.notice + o.Notice
	return w.report(d, o, finding)
}

// removedWithin is how long a former object may take to be removed. Its pods have a
// grace period, and a node may be slow.
const removedWithin = 5 * time.Minute

// stuckRemoval returns the finding, or that the removal of a former object, for which
// the carrel waits, does not end.
func (w World) stuckRemoval(p health.Problem, f health.Finding) health.Finding {
	if p.Cause != health.Gone || f.State == v1alpha1.StateFailing || w.Now.Sub(w.notReadySince()) < removedWithin {
		return f
	}
	f.State, f.Reason = v1alpha1.StateFailing, v1alpha1.PodNotMadeReason
	f.Message += "; it takes too long: see which finalizers it has, or its pods, and what they wait for"
	return f
}

// recordedFinding returns the finding that the status records, if it stays: while the
// software of a carrel is asked for its last use, what came of the answer before, and
// while a carrel waits to be tried again, why it was refused.
func (w World) recordedFinding(d Decision) (f health.Finding, stays bool) {
	recorded := w.Userland.Status
	ready := meta.FindStatusCondition(recorded.Conditions, v1alpha1.ReadyCondition)
	failing := recorded.State == v1alpha1.StateFailing
	switch {
	case ready == nil || recorded.ObservedGeneration != w.Userland.Generation:
		return f, false
	case d.Presence.Presence == health.Queued && failing && recorded.QueuedSince != nil:
	case d.Ask != "" && (failing || recorded.State == v1alpha1.StateRunning || recorded.State == v1alpha1.StateStarting):
	default:
		return f, false
	}
	return health.Finding{
		State: recorded.State, Reason: ready.Reason, Message: ready.Message, Ready: ready.Status == metav1.ConditionTrue,
		Stalled: meta.IsStatusConditionTrue(recorded.Conditions, v1alpha1.StalledCondition),
	}, true
}

// carriedOut reports whether the carrel was started, stopped or left running as
// decided. What a write that failed left undone must not be recorded as done.
func (d Decision) carriedOut(o Outcome) bool { return d.Problem == nil || o.Deployment != nil }

// judge returns how the carrel is doing, given what it is meant to be.
func (w World) judge(p PresenceDecision, deployment *appsv1.Deployment, claims []corev1.PersistentVolumeClaim) health.Finding {
	since := w.notReadySince()
	if p.LastStart != nil {
		since = latest(since, p.LastStart.Time)
	}
	if w.Deployment == nil || deployment.Generation != w.Deployment.Generation {
		// What was written just now has yet to be acted upon.
		since = w.Now
	}
	return health.Judge(health.Carrel{Presence: p.Presence, Deployment: deployment, Pods: w.Pods, Claims: claims, MissingClasses: w.Volumes.Missing, Since: since, Now: w.Now})
}

// givesUpAt returns when a carrel that could not be started is no longer wanted, since
// its user did not come back; zero: never.
func (w World) givesUpAt(p PresenceDecision) time.Time {
	facts := w.presenceFacts()
	if p.Presence != health.Running || facts.Running || facts.Idle == nil || facts.Timetable.InSession() {
		return time.Time{}
	}
	if at := SleepAt(facts); at.After(w.Now) {
		return at
	}
	return time.Time{}
}

// stillRunning is the decision of which the status of a carrel that runs is the result.
func (w World) stillRunning() PresenceDecision {
	return PresenceDecision{Presence: health.Running, LastStart: w.Userland.Status.LastStartTime}
}

// notReadySince returns since when the status records that the carrel is not as it is
// meant to be: since now, if it does not.
func (w World) notReadySince() time.Time {
	ready := meta.FindStatusCondition(w.Userland.Status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil || ready.Status != metav1.ConditionFalse {
		return w.Now
	}
	return ready.LastTransitionTime.Time
}

// report returns the decision with the finding in its status, and with what
// follows from that.
func (w World) report(d Decision, o Outcome, finding health.Finding) Decision {
	d.Status = w.status(d, o, finding)
	d.Queue, d.Event = queueStep(d), nil
	d.Because = w.because(d)
	if failed := d.Status.State == v1alpha1.StateFailing; failed &&
		(w.Userland.Status.State != d.Status.State || readyReason(w.Userland.Status) != finding.Reason) {
		d.Event = &Event{Reason: finding.Reason, Message: finding.Message}
	}
	d.Next = earlier(d.Presence.Next, o.Next)
	if finding.Recheck > 0 {
		d.Next = earlier(d.Next, w.Now.Add(finding.Recheck))
	}
	return d
}

// queueStep returns what the carrel does in the queue.
func queueStep(d Decision) QueueStep {
	switch {
	case d.Presence.Presence == health.Queued && d.Problem == nil:
		return QueueWait
	case d.Status.State == v1alpha1.StateStarting:
		return QueueHold
	default:
		return QueueLeave
	}
}
