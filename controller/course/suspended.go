package course

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// suspended is the status of a Course of which nothing is touched: what it was,
// but for the count and for saying so. It is pure.
func suspended(c *v1alpha1.Course, counts v1alpha1.UserlandCounts, now time.Time) v1alpha1.CourseStatus {
	status := ours(c.Status)
	status.ObservedGeneration, status.Userlands = c.Generation, &counts
	verdict := health.Verdict{
		Reason:  v1alpha1.SuspendedReason,
		Message: "suspended: " + health.Summary(counts) + "; nothing is made, started, stopped or removed until spec.suspend is taken out of the Course",
	}
	kept := furtherOf(status.Conditions)
	status.Conditions = append(health.ConditionsOf(c.Status.Conditions, verdict, c.Generation, now), kept...)
	return status
}

// furtherOf are the conditions of ours that are not the verdict's.
func furtherOf(all []metav1.Condition) (further []metav1.Condition) {
	for _, c := range all {
		switch c.Type {
		case v1alpha1.ReadyCondition, v1alpha1.ReconcilingCondition, v1alpha1.StalledCondition:
		default:
			further = append(further, c)
		}
	}
	return further
}
