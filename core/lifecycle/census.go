package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// takeCensus counts the Userlands that follow a Template by its status, and
// describes each for the roll-out. A carrel is not restarted if the revision it
// runs with has the same source: another version of the controller made it of the
// same Template.
func takeCensus(t *v1alpha1.Template, status v1alpha1.TemplateStatus, users []v1alpha1.Userland, sessionEnds map[string]time.Time, sameSource func(revision string) bool) (v1alpha1.TemplateUserlands, []RolloutCarrel) {
	counts, carrels := v1alpha1.TemplateUserlands{Total: int32(len(users))}, make([]RolloutCarrel, 0, len(users))
	for i := range users {
		u := &users[i]
		carrel := RolloutCarrel{Name: u.Name, SessionEnd: sessionEnds[u.Spec.Section]}
		if u.Status.LastActivityTime != nil {
			carrel.LastUsed = u.Status.LastActivityTime.Time
		}
		switch {
		case !hasSeen(u, t.Name, status.ObservedGeneration):
		case UpdatePending(u):
			counts.Pending++
			if !sameSource(u.Status.Template.Revision) {
				carrel.Progress = ProgressPending
				carrel.Since = meta.FindStatusCondition(u.Status.Conditions, v1alpha1.UpdatePendingCondition).LastTransitionTime.Time
			}
		default:
			counts.Updated++
			carrel.Progress = progressOf(u, status.Revision)
			if u.Status.LastStartTime != nil {
				carrel.Since = u.Status.LastStartTime.Time
			}
			if u.Status.State == v1alpha1.StateFailing {
				counts.Failed++
				carrel.Trouble = failureOf(u)
			}
		}
		carrels = append(carrels, carrel)
	}
	return counts, carrels
}

// hasSeen reports whether the status of a Userland describes a generation of a
// Template.
func hasSeen(u *v1alpha1.Userland, template string, generation int64) bool {
	seen := u.Status.Template
	return seen != nil && seen.Name == template && seen.Generation == generation
}

// UpdatePending reports whether a carrel runs with an older revision.
func UpdatePending(u *v1alpha1.Userland) bool {
	return meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.UpdatePendingCondition)
}

// progressOf returns how far a carrel is that has the present revision. A carrel
// that failed before that revision existed proves nothing against it.
func progressOf(u *v1alpha1.Userland, present *v1alpha1.TemplateRevision) Progress {
	switch {
	case present == nil:
		return ProgressIdle
	case u.Status.State == v1alpha1.StateStarting:
		return ProgressStarting
	case u.Status.State == v1alpha1.StateRunning && u.Status.Template.Revision == present.Name:
		return ProgressProven
	case clusterFailures[failureOf(u)]:
		return ProgressIdle
	case u.Status.State == v1alpha1.StateFailing && u.Status.LastStartTime != nil && !u.Status.LastStartTime.Before(&present.Since):
		return ProgressFailed
	default:
		return ProgressIdle
	}
}

// clusterFailures has the reasons that blame the cluster: no revision causes them.
var clusterFailures = map[string]bool{v1alpha1.NodeLostReason: true, v1alpha1.PodNotEndingReason: true, v1alpha1.PodNotMadeReason: true}

// failureOf returns the reason why a carrel fails.
func failureOf(u *v1alpha1.Userland) string {
	if ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		return ready.Reason
	}
	return u.Status.State
}
