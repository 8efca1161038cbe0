package health

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// unseenState is what a Userland without a state counts as.
const unseenState = v1alpha1.StateWaiting

// Count says how many Userlands there are, how many are ready (those meant to
// be stopped included), how many are in each state, and why some need a person.
func Count(userlands []v1alpha1.Userland) v1alpha1.UserlandCounts {
	counts := v1alpha1.UserlandCounts{Total: int32(len(userlands))}
	for i := range userlands {
		u := &userlands[i]
		counts.States = tally(counts.States, stateOf(u))
		if isReady(u) {
			counts.Ready++
		} else if reason, needed := attention(u); needed {
			counts.Attention = tally(counts.Attention, reason)
		}
	}
	return counts
}

func tally(counts map[string]int32, key string) map[string]int32 {
	if counts == nil {
		counts = map[string]int32{}
	}
	counts[key]++
	return counts
}

func stateOf(u *v1alpha1.Userland) string {
	if u.Status.State == "" {
		return unseenState
	}
	return u.Status.State
}

// isReady is false while the status speaks of an older spec, and while the carrel
// awaits its turn in a roll-out: it runs, but not yet as its Template says.
func isReady(u *v1alpha1.Userland) bool {
	pending := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.UpdatePendingCondition)
	return current(u) && meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) &&
		(pending == nil || pending.Reason != v1alpha1.RollingOutReason)
}

// attention tells why a Userland that is not ready needs a person; one that is
// merely on its way does not.
func attention(u *v1alpha1.Userland) (reason string, needed bool) {
	stalled := meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition)
	if !current(u) || !stalled && u.Status.State != v1alpha1.StateFailing {
		return "", false
	}
	ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil {
		return v1alpha1.StateFailing, true
	}
	return ready.Reason, true
}

func current(u *v1alpha1.Userland) bool { return u.Status.ObservedGeneration == u.Generation }
