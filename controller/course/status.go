package course

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/health"
)

// writeStatus writes a status that differs from the one that is there.
func (r *Reconciler) writeStatus(ctx context.Context, c *v1alpha1.Course, status v1alpha1.CourseStatus) error {
	if equality.Semantic.DeepEqual(enrolment.OwnStatus(c.Status), status) {
		return nil
	}
	// Never that of a namesake that came in its place in the meantime.
	config := v1alpha1ac.Course(c.Name, c.Namespace).WithUID(c.UID).WithStatus(configuration(status))
	if err := r.Status().Apply(ctx, config, client.FieldOwner(kube.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Recent.Wrote(courseKind, &metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}

// configuration returns a status as an apply takes it.
func configuration(status v1alpha1.CourseStatus) *v1alpha1ac.CourseStatusApplyConfiguration {
	config := v1alpha1ac.CourseStatus().
		WithObservedGeneration(status.ObservedGeneration).
		WithConditions(health.ConditionConfigurations(status.Conditions)...)
	if counts := status.Userlands; counts != nil {
		config.WithUserlands(v1alpha1ac.UserlandCounts().
			WithTotal(counts.Total).WithReady(counts.Ready).WithStates(counts.States).WithAttention(counts.Attention))
	}
	if status.LastHandledReconcileAt != "" {
		config.WithLastHandledReconcileAt(status.LastHandledReconcileAt)
	}
	if status.Session != nil {
		config.WithSession(v1alpha1ac.SessionStatus().WithText(status.Session.Text))
	}
	if status.Roster != nil {
		config.WithRoster(rosterConfiguration(status.Roster))
	}
	return config
}

func rosterConfiguration(status *v1alpha1.RosterStatus) *v1alpha1ac.RosterStatusApplyConfiguration {
	config := v1alpha1ac.RosterStatus().
		WithDigest(status.Digest).WithRows(status.Rows).WithLargest(status.Largest).
		WithErrorCount(status.ErrorCount).WithErrors(problemConfigurations(status.Errors)...).
		WithWarningCount(status.WarningCount).WithWarnings(problemConfigurations(status.Warnings)...)
	for _, day := range status.Gone {
		config.WithGone(v1alpha1ac.GoneUserlands().WithDay(day.Day).WithCarrels(day.Carrels...))
	}
	if held := status.Held; held != nil {
		config.WithHeld(v1alpha1ac.HeldRemoval().WithRemovals(held.Removals).WithBefore(held.Before).WithOf(held.Of).WithConfirm(held.Confirm))
	}
	return config
}

func problemConfigurations(all []v1alpha1.RosterProblem) []*v1alpha1ac.RosterProblemApplyConfiguration {
	configs := make([]*v1alpha1ac.RosterProblemApplyConfiguration, len(all))
	for i, p := range all {
		configs[i] = v1alpha1ac.RosterProblem().WithFile(p.File).WithLine(p.Line).WithColumn(p.Column).
			WithHeader(p.Header).WithCause(p.Cause).WithCure(p.Cure)
	}
	return configs
}
