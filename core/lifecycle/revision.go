package lifecycle

import (
	"cmp"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

// revision returns the revision that the carrel is to be made of, if it exists. A
// carrel that starts, and whose own revision is lost, takes the latest.
func (w World) revision(p PresenceDecision) (r Revision, known bool) {
	s := w.standing(p)
	if r, known = w.Revisions[pick(s)]; known || s.runs {
		return r, known
	}
	r, known = w.Revisions[s.latest]
	return r, known
}

func (w World) standing(p PresenceDecision) standing {
	return standing{
		latest: LatestRevision(w.Template), has: CurrentRevision(w.Deployment), exists: w.Deployment != nil, proven: ProvenRevision(w.Userland),
		runs: w.Runs(), wanted: p.Presence == health.Running, restart: p.Restart, granted: w.Granted,
		failing: w.Runs() && w.judge(health.Running, w.Deployment, nil).State == v1alpha1.StateFailing,
	}
}

// rolling reports whether the carrel waits for its turn to be restarted: for an
// edit of its Template, and not for what another version of the controller makes
// of the same Template.
func (w World) rolling(made string) bool {
	latest, known := w.Revisions[LatestRevision(w.Template)]
	current, exists := w.Revisions[made]
	return known && exists && latest.Name != made && w.Template.Spec.Rollout.When == v1alpha1.RolloutImmediate &&
		!workload.SameSource(current.ControllerRevision, latest.ControllerRevision)
}

// standing is what it depends on which revision of its Template a carrel is
// made of. Empty names stand for none.
type standing struct {
	// latest is what carrels that start are made of.
	latest string
	// has is what the Deployment is made of, if it exists.
	has    string
	exists bool
	// proven is what the carrel that runs has been seen running with.
	proven string
	// runs is whether it is meant to run as things stand, wanted whether it is to.
	runs, wanted bool
	// failing, restart and granted are the three ways to lose nothing by it.
	failing, restart, granted bool
}

// pick names the revision a carrel is to be made of. Who is stopped, or starts,
// takes the latest; who runs keeps what it has, also through the loss of its
// node or its Deployment.
func pick(s standing) string {
	switch {
	case s.latest == "":
		return cmp.Or(s.has, s.proven)
	case !s.wanted, s.restart, s.granted:
		return s.latest
	case !s.exists:
		return cmp.Or(s.proven, s.latest)
	case !s.runs, s.failing, s.has != s.proven:
		return s.latest
	default:
		return s.has
	}
}

// provenBy is the revision the carrel has been seen running with, given the one
// it is made of now and the one it was seen with before.
func provenBy(wanted, ready bool, has, before string) string {
	if wanted && (ready || has == before) {
		return has
	}
	return ""
}
