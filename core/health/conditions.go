package health

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Verdict is what conditions say.
type Verdict struct {
	// Ready is whether the object is as its spec asks.
	Ready bool
	// Stalled is whether a person must act, if it is not Ready.
	Stalled bool
	// Reason and Message say why.
	Reason, Message string
}

// ConditionsOf are the conditions that say the verdict about a generation. The time of a
// condition is that of the old one unless its status changed.
func ConditionsOf(old []metav1.Condition, verdict Verdict, generation int64, now time.Time) []metav1.Condition {
	kind, status := "", metav1.ConditionTrue
	switch {
	case verdict.Ready:
	case verdict.Stalled:
		kind, status = v1alpha1.StalledCondition, metav1.ConditionFalse
	default:
		kind, status = v1alpha1.ReconcilingCondition, metav1.ConditionFalse
	}
	found := []metav1.Condition{condition(old, v1alpha1.ReadyCondition, status, verdict, generation, now)}
	if kind != "" {
		found = append(found, condition(old, kind, metav1.ConditionTrue, verdict, generation, now))
	}
	return found
}

func condition(old []metav1.Condition, kind string, status metav1.ConditionStatus, verdict Verdict, generation int64, now time.Time) metav1.Condition {
	since := metav1.NewTime(now.Truncate(time.Second))
	if before := meta.FindStatusCondition(old, kind); before != nil && before.Status == status {
		since = before.LastTransitionTime
	}
	return metav1.Condition{
		Type: kind, Status: status, Reason: verdict.Reason, Message: CutMessage(verdict.Message),
		ObservedGeneration: generation, LastTransitionTime: since,
	}
}

// TrueCondition is one more condition, present while it is true.
func TrueCondition(old []metav1.Condition, kind, reason, message string, generation int64, now time.Time) metav1.Condition {
	return condition(old, kind, metav1.ConditionTrue, Verdict{Reason: reason, Message: message}, generation, now)
}

// FurtherCondition is one more condition, present whatever its status.
func FurtherCondition(old []metav1.Condition, kind string, status metav1.ConditionStatus, reason, message string, generation int64, now time.Time) metav1.Condition {
	return condition(old, kind, status, Verdict{Reason: reason, Message: message}, generation, now)
}

// OurConditions are those of the conditions that ConditionsOf writes, and of the further kinds
// named; others belong to others.
func OurConditions(all []metav1.Condition, further ...string) []metav1.Condition {
	var ours []metav1.Condition
	for _, c := range all {
		switch c.Type {
		case v1alpha1.ReadyCondition, v1alpha1.ReconcilingCondition, v1alpha1.StalledCondition:
			ours = append(ours, c)
		default:
			if slices.Contains(further, c.Type) {
				ours = append(ours, c)
			}
		}
	}
	return ours
}

// ConditionConfigurations are the conditions as an apply takes them.
func ConditionConfigurations(all []metav1.Condition) []*metav1ac.ConditionApplyConfiguration {
	configurations := make([]*metav1ac.ConditionApplyConfiguration, 0, len(all))
	for _, c := range all {
		configurations = append(configurations, metav1ac.Condition().
			WithType(c.Type).WithStatus(c.Status).WithReason(c.Reason).WithMessage(c.Message).
			WithObservedGeneration(c.ObservedGeneration).WithLastTransitionTime(c.LastTransitionTime))
	}
	return configurations
}
