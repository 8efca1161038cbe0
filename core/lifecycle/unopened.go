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

// reserve decides about a carrel that was never opened. It uses no claim before its first
// start, not even one that exists. The reconciler of volumes keeps such a claim from
// being deleted while its user is in the course. A proxy may go by a Service that has a
// name or an address of its own, so such a Service is made at once.
func (w World) reserve(d Decision, r Revision) Decision {
	plan := w.plan(d.Presence, r)
	d.Unopened, d.address = true, plan.Address()
	// What would stop the first start is reported already. A request for fresh volumes is
	// carried out by the first start.
	_, d.Obstacle = w.attach(r, nil)
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
