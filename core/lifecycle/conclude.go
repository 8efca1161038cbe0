package lifecycle

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

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
	finding := w.judge(d.Presence.Presence, deployment, o.Claims)
	if err := cmp.Or(o.Err, d.Obstacle); err != nil {
		problem := health.Classify(err)
		d.Problem = &problem
		return w.report(d, o, problem.Finding(finding))
	}
	if d.Unopened {
		finding = w.withRefusedStart(finding)
	}
	finding = withTemplateTrouble(finding, w.templateTrouble())
	finding.Message += d.notice + o.Notice
	return w.report(d, o, finding)
}

// carriedOut reports whether the carrel was started, stopped or left running as
// decided. What a write that failed left undone must not be recorded as done.
func (d Decision) carriedOut(o Outcome) bool { return d.Problem == nil || o.Deployment != nil }

// judge returns how the carrel is doing, given what it is meant to be.
func (w World) judge(p health.Presence, deployment *appsv1.Deployment, claims []corev1.PersistentVolumeClaim) health.Finding {
	return health.Judge(health.Carrel{Presence: p, Deployment: deployment, Pods: w.Pods, Claims: claims, Now: w.Now})
}

// report returns the decision with the finding in its status, and with what
// follows from that.
func (w World) report(d Decision, o Outcome, finding health.Finding) Decision {
	d.Status = w.status(d, o, finding)
	d.Queue = queueStep(d.Status.State)
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

// queueStep returns what a carrel in a state does in the queue.
func queueStep(state string) QueueStep {
	switch state {
	case v1alpha1.StateQueued:
		return QueueWait
	case v1alpha1.StateStarting:
		return QueueHold
	default:
		return QueueLeave
	}
}
