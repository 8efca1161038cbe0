package lifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// Decision is what to do about one carrel: the objects it is to have, what its
// status is to say, and when to look again. It is a value; making it changes
// nothing.
type Decision struct {
	// Presence is whether the carrel is to run.
	Presence PresenceDecision
	// Plan is what the carrel is made of. If it is nil, the carrel is Unopened, or its
	// revision is not known, and only the number of replicas of the Deployment is
	// decided.
	Plan *workload.Plan
	// Unopened is set if no Deployment and no claim is made before the first start.
	Unopened bool
	// Objects are those that the carrel is to have.
	Objects Objects
	// Obstacle is why the objects can't be made, before any is written; nil: they can.
	Obstacle error
	// Ask is the URL at which to ask the carrel when it was last used; empty: it
	// need not be asked.
	Ask string
	// Queue is what the carrel does in the queue of its course.
	Queue QueueStep
	// Problem is the write that failed, or the obstacle; nil: there is none.
	Problem *health.Problem
	// Status is what the controller's part of the status is to be.
	Status v1alpha1.UserlandStatus
	// Event is what to tell people; nil: nothing.
	Event *Event
	// Because has the facts that made the difference, for the log.
	Because []Fact
	// Next is when to look again though nothing happens; zero: never.
	Next time.Time

	// address is where the carrel is reached; empty: at its former address.
	address string
	// notice goes after the message of the status.
	notice string
	// final is set if the status depends on no write.
	final bool
}

// Objects are the objects that a carrel is to have. The zero value asks for none.
type Objects struct {
	// Volumes are its claims. Nothing else may be written before they are there.
	Volumes volume.Attachments
	// Deployment and Service are applied; nil: left alone.
	Deployment *appsv1ac.DeploymentApplyConfiguration
	Service    *corev1ac.ServiceApplyConfiguration
	// Obsolete Services are deleted before the Service is applied.
	Obsolete []*corev1.Service
	// Replicas is the number of replicas to give to a Deployment that is otherwise
	// left alone; nil: that it has.
	Replicas *int32
}

// Event is what an event about a Userland says.
type Event struct {
	Reason, Message string
}

// QueueStep is what a carrel does in the queue of its course.
type QueueStep string

const (
	// QueueNone leaves the queue as it is.
	QueueNone QueueStep = ""
	// QueueWait waits for a place.
	QueueWait QueueStep = "Wait"
	// QueueHold takes a place, or keeps it.
	QueueHold QueueStep = "Hold"
	// QueueLeave gives its place to the next.
	QueueLeave QueueStep = "Leave"
)

// Ticket returns the place that a carrel with QueueWait has among those waiting.
func (d Decision) Ticket(w World) Ticket {
	ticket := Ticket{Session: w.Session.Since}
	if since := d.Status.QueuedSince; since != nil {
		ticket.Since = since.Time
	}
	return ticket
}

// Writes reports whether the status has to be written.
func (d Decision) Writes(w World) bool {
	return !equality.Semantic.DeepEqual(Recorded(w.Userland.Status), d.Status)
}

// Changed reports whether the decision differs from the one recorded in the status
// and the Deployment: only such decisions are logged.
func (d Decision) Changed(w World) bool {
	before := w.Userland.Status
	switch {
	case before.State != d.Status.State, readyReason(before) != readyReason(d.Status):
		return true
	case d.Plan == nil, d.Problem != nil:
		// A write that fails as it did before is no news.
		return false
	default:
		return d.Presence.Restart || CurrentRevision(w.Deployment) != d.Plan.Revision || w.Runs() != d.Plan.Run
	}
}

// Recorded returns the part of a status that the controller of Userlands writes.
func Recorded(s v1alpha1.UserlandStatus) v1alpha1.UserlandStatus {
	s.LastActivityTime, s.Requests = nil, nil
	s.Conditions = health.OurConditions(s.Conditions, v1alpha1.UpdatePendingCondition)
	return s
}
