package reporter

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// intentError means that the API server did not record what was to be posted, so that
// nothing was posted.
type intentError struct{ error }

// Unwrap returns the cause.
func (e *intentError) Unwrap() error { return e.error }

// unconfirmed reports whether a post of the Course was begun and is not known to be made.
func unconfirmed(course *v1alpha1.Course) bool {
	return course.Status.Report != nil && course.Status.Report.Unconfirmed
}

// confirm asks the forge whether a post that was begun was made, and records the answer.
// Without a post that was begun it asks nothing.
func (r *Reconciler) confirm(ctx context.Context, course *v1alpha1.Course, d *destination, decision Decision) error {
	if !unconfirmed(course) {
		return nil
	}
	opened, err := r.open(ctx, d)
	if err != nil {
		return r.hold(course, d, decision, err)
	}
	intent := course.Status.Report
	latest, err := opened.Latest(ctx, intent.Revision, r.contextOf(course))
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return r.hold(course, d, decision, d.problemOf(err, intent.Revision))
	}
	course.Status.Report = confirmed(intent, latest)
	if course.Status.Report.State == "" {
		return r.write(ctx, course, course.Status.Report, metav1.Condition{})
	}
	return r.writeReport(ctx, course, course.Status.Report)
}

// confirmed returns a report as the forge has it, given the newest status of its commit. A
// post that was not made does not count, and the state is that of the post before.
func confirmed(intent *v1alpha1.ReportStatus, latest *forge.Status) *v1alpha1.ReportStatus {
	report := intent.DeepCopy()
	report.Unconfirmed = false
	if latest == nil {
		latest = &forge.Status{}
	}
	if string(latest.State) == intent.State && latest.Description == intent.Description {
		return report
	}
	report.State, report.Description, report.Posts = string(latest.State), latest.Description, max(report.Posts-1, 0)
	return report
}
