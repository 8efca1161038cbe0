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
		runs: w.Runs(), wanted: p.Presence == health.Running, restart: p.Restart, granted: w.mayRollOut(),
		failing: w.Runs() && w.fails(), works: health.Works(w.Pods),
	}
}

// fails reports whether a carrel that runs fails, so that its user loses nothing if it
// starts anew. The program on a node that does not report may still run.
func (w World) fails() bool {
	found := w.judge(w.stillRunning(), w.Deployment, nil)
	return found.State == v1alpha1.StateFailing && found.Reason != v1alpha1.NodeLostReason
}

// mayRollOut reports whether the carrel may restart for a roll-out now. A permission
// from before a session does not count during the session.
func (w World) mayRollOut() bool { return w.Granted && !w.Session.InSession() }

// rolling reports whether the carrel waits for its turn to be restarted: for an
// edit of its Template, and not for what another version of the controller makes
// of the same Template.
func (w World) rolling(made string) bool {
	return w.edited(made) && w.Template.Spec.Rollout.When == v1alpha1.RolloutImmediate
}

// edited reports whether the Template was edited since a revision was made of it.
func (w World) edited(made string) bool {
	latest, known := w.Revisions[LatestRevision(w.Template)]
	current, exists := w.Revisions[made]
	return known && exists && latest.Name != made && !workload.SameSource(current.ControllerRevision, latest.ControllerRevision)
}

// moved reports whether a revision is of another Template than the carrel's.
func (w World) moved(made string) bool {
	current, exists := w.Revisions[made]
	return exists && current.Labels[v1alpha1.TemplateLabel] != w.Template.Name
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
	// works is set if its user can work with the pod it has, whether or not the
	// status records that: the controller may have been away when the pod came up.
	works bool
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
	case s.runs && s.works:
		return s.has
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
