package lifecycle

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/core/health"
)

// unopened reports whether nothing is made for the carrel: its Template stops
// carrels that nobody uses, and this one was never started and is not started now.
// A term has many students who come late or never, and a class of them costs the
// cluster no more than its Userlands.
func (w World) unopened(p PresenceDecision) bool {
	return w.Deployment == nil && w.Userland.Status.LastStartTime == nil && w.idle() != nil && p.Presence != health.Running
}

// reserve decides about a carrel that was never opened. Claims that exist are its
// user's from now on: a student who comes back does not lose them by coming late.
// A proxy may go by a Service that has a name or an address of its own, so such a
// Service is made at once.
func (w World) reserve(d Decision, r Revision) Decision {
	plan := w.plan(d.Presence, r)
	d.Unopened, d.address = true, plan.Address()
	// A request for fresh volumes is carried out by the first start.
	d.Objects.Volumes, d.Obstacle = w.attach(r, nil)
	d.Objects.Volumes = d.Objects.Volumes.WithoutNew()
	if d.Obstacle == nil && (plan.ServesAtOnce() || w.serves()) {
		d.Objects.Service, d.Objects.Obsolete = w.service(*plan)
	}
	return d
}

// serves reports whether the Userland has a Service.
func (w World) serves() bool {
	for i := range w.Services {
		if metav1.IsControlledBy(&w.Services[i], w.Userland) {
			return true
		}
	}
	return false
}
