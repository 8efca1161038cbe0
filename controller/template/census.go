package template

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// census is how the carrels of a Template stand to its revision.
type census struct {
	counts  v1alpha1.TemplateUserlands
	carrels []lifecycle.RolloutCarrel
}

// take looks at the Userlands that follow a Template. Those that run with a
// revision made of the same Template by another version of the controller are
// not for a roll-out to restart. It is pure.
func take(t *v1alpha1.Template, present *v1alpha1.TemplateRevision, users []v1alpha1.Userland, sameSource func(revision string) bool) census {
	c := census{counts: v1alpha1.TemplateUserlands{Total: int32(len(users))}}
	for i := range users {
		u := &users[i]
		carrel := lifecycle.RolloutCarrel{Name: u.Name}
		if u.Status.LastActivityTime != nil {
			carrel.LastUsed = u.Status.LastActivityTime.Time
		}
		switch {
		case !hasSeen(u, t):
		case isPending(u):
			c.counts.Pending++
			if !sameSource(u.Status.Template.Revision) {
				carrel.Progress = lifecycle.ProgressPending
				carrel.Since = meta.FindStatusCondition(u.Status.Conditions, v1alpha1.UpdatePendingCondition).LastTransitionTime.Time
			}
		default:
			c.counts.Updated++
			carrel.Progress = progress(u, present)
			if u.Status.LastStartTime != nil {
				carrel.Since = u.Status.LastStartTime.Time
			}
			if u.Status.State == v1alpha1.StateFailing {
				c.counts.Failed++
				carrel.Trouble = trouble(u)
			}
		}
		c.carrels = append(c.carrels, carrel)
	}
	return c
}

// hasSeen reports whether a Userland's status speaks of the Template as it
// stands.
func hasSeen(u *v1alpha1.Userland, t *v1alpha1.Template) bool {
	seen := u.Status.Template
	return seen != nil && seen.Name == t.Name && seen.Generation == t.Generation
}

func isPending(u *v1alpha1.Userland) bool {
	return meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.UpdatePendingCondition)
}

// progress is that of a carrel that has the present revision. One that failed
// before it came, and still does, says nothing against the revision.
func progress(u *v1alpha1.Userland, present *v1alpha1.TemplateRevision) lifecycle.Progress {
	switch {
	case present == nil:
		return lifecycle.ProgressIdle
	case u.Status.State == v1alpha1.StateStarting:
		return lifecycle.ProgressStarting
	case u.Status.State == v1alpha1.StateRunning && u.Status.Template.Revision == present.Name:
		return lifecycle.ProgressProven
	case u.Status.State == v1alpha1.StateFailing && u.Status.LastStartTime != nil && !u.Status.LastStartTime.Before(&present.Since):
		return lifecycle.ProgressFailed
	default:
		return lifecycle.ProgressIdle
	}
}

func trouble(u *v1alpha1.Userland) string {
	if ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		return ready.Reason
	}
	return u.Status.State
}
