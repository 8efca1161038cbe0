package reporter

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applymetav1 "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// FieldOwner owns status.report and the Reported condition of a Course.
const FieldOwner = "carrel-reporter"

// writeReport remembers a report, and that it reached the forge.
func (r *Reconciler) writeReport(ctx context.Context, course *v1alpha1.Course, report *v1alpha1.ReportStatus) error {
	condition := conditionOf(course, metav1.ConditionTrue, v1alpha1.PostedReason,
		fmt.Sprintf("%s on commit %s", report.State, abbreviate(report.Revision)), r.Now)
	return r.write(ctx, course, report, condition)
}

// writeProblem says on the Course why the forge does not know, once.
func (r *Reconciler) writeProblem(ctx context.Context, cached *v1alpha1.Course, problem *problem) error {
	if says(cached, problem) {
		return nil
	}
	// What is applied must hold the last report, too, or it would be taken away;
	// the cache may not have it yet.
	var course v1alpha1.Course
	if err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(cached), &course); err != nil {
		return client.IgnoreNotFound(err)
	}
	if says(&course, problem) {
		return nil
	}
	condition := conditionOf(&course, metav1.ConditionFalse, problem.reason, problem.message, r.Now)
	if err := r.write(ctx, &course, course.Status.Report, condition); err != nil {
		return err
	}
	r.complain(&course, problem)
	return nil
}

func says(course *v1alpha1.Course, problem *problem) bool {
	condition := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ReportedCondition)
	return condition != nil && condition.Status == metav1.ConditionFalse &&
		condition.Reason == problem.reason && condition.Message == problem.message
}

func (r *Reconciler) write(ctx context.Context, course *v1alpha1.Course, report *v1alpha1.ReportStatus, condition metav1.Condition) error {
	conditions := []metav1.Condition{}
	for _, kept := range course.Status.Conditions {
		if kept.Type == v1alpha1.OutOfSyncCondition || kept.Type == v1alpha1.ReportedCondition {
			conditions = append(conditions, kept)
		}
	}
	if condition.Status == "" {
		meta.RemoveStatusCondition(&conditions, condition.Type)
	} else {
		meta.SetStatusCondition(&conditions, condition)
	}
	status := applyv1alpha1.CourseStatus()
	for _, c := range conditions {
		status.WithConditions(applymetav1.Condition().
			WithType(c.Type).WithStatus(c.Status).WithReason(c.Reason).WithMessage(c.Message).
			WithObservedGeneration(c.ObservedGeneration).WithLastTransitionTime(c.LastTransitionTime))
	}
	if report != nil {
		status.WithReport(applyv1alpha1.ReportStatus().
			WithRevision(report.Revision).WithState(report.State).WithDescription(report.Description).
			WithDigests(report.Digests).WithTime(report.Time).WithFiles(report.Files...).
			WithPosts(report.Posts).WithBehind(report.Behind).WithProgress(report.Progress))
		if report.Since != nil {
			status.Report.WithSince(*report.Since)
		}
		if report.ProgressTime != nil {
			status.Report.WithProgressTime(*report.ProgressTime)
		}
		if report.Source != "" {
			status.Report.WithSource(report.Source)
		}
		if report.Unconfirmed {
			status.Report.WithUnconfirmed(true)
		}
		if report.Gone > 0 {
			status.Report.WithGone(report.Gone)
		}
	}
	// The UID keeps a report from a Course made anew under the same name.
	apply := applyv1alpha1.Course(course.Name, course.Namespace).WithUID(course.UID).WithStatus(status)
	err := r.Client.Status().Apply(ctx, apply, client.FieldOwner(FieldOwner), client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("write the report of course %s/%s: %w", course.Namespace, course.Name, err)
	}
	return nil
}

// conditionOf keeps the time of the last change of status.
func conditionOf(course *v1alpha1.Course, status metav1.ConditionStatus, reason, message string, now func() time.Time) metav1.Condition {
	conditions := []metav1.Condition{}
	if before := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ReportedCondition); before != nil {
		conditions = append(conditions, *before)
	}
	meta.SetStatusCondition(&conditions, metav1.Condition{
		Type: v1alpha1.ReportedCondition, Status: status, Reason: reason, Message: message,
		ObservedGeneration: course.Generation, LastTransitionTime: metav1.NewTime(now()),
	})
	return conditions[0]
}

// writeOutOfSync says on the Course what Flux does not bring to what git says, once.
func (r *Reconciler) writeOutOfSync(ctx context.Context, cached *v1alpha1.Course, found lost) error {
	if saysOutOfSync(cached, found) {
		return nil
	}
	var course v1alpha1.Course
	if err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(cached), &course); err != nil {
		return client.IgnoreNotFound(err)
	}
	if saysOutOfSync(&course, found) {
		return nil
	}
	condition := metav1.Condition{Type: v1alpha1.OutOfSyncCondition}
	if found.reason != "" {
		condition = metav1.Condition{
			Type: v1alpha1.OutOfSyncCondition, Status: metav1.ConditionTrue, Reason: found.reason, Message: found.message,
			ObservedGeneration: course.Generation, LastTransitionTime: metav1.NewTime(r.Now()),
		}
	}
	return r.write(ctx, &course, course.Status.Report, condition)
}

func saysOutOfSync(course *v1alpha1.Course, found lost) bool {
	condition := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.OutOfSyncCondition)
	if found.reason == "" {
		return condition == nil
	}
	return condition != nil && condition.Reason == found.reason && condition.Message == found.message
}
