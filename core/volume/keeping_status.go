package volume

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// Status returns the part of the Course's status about the volumes that no carrel uses, or
// nil if there are none. If NewWatch returns true, WatchedSince is by this machine's clock
// alone.
func (d KeepingDecision) Status() *v1alpha1.VolumeStatus {
	if d.kept+d.undecided == 0 {
		return nil
	}
	status := &v1alpha1.VolumeStatus{
		Kept: d.kept, Expiring: d.expiring, Undecided: d.undecided,
		Next: stampOf(d.next), WatchedSince: stampOf(d.world.WatchedSince()),
	}
	if status.WatchedSince != nil {
		status.Watch = d.world.Watch
	}
	return status
}

// NewWatch reports whether the status has a WatchedSince that the Course does not record
// yet.
func (d KeepingDecision) NewWatch() bool {
	since := d.world.WatchedSince()
	return !since.IsZero() && !d.world.recorded()
}

// stampOf returns a time for a status, and nil for the zero time.
func stampOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t}
}

// WorkExpiring returns the condition, or nil while no work is to be deleted within a week.
// It names no user, because conditions are shown on commits.
func (d KeepingDecision) WorkExpiring() *metav1.Condition {
	course := d.world.Course
	reason, message := v1alpha1.AnnouncedReason, fmt.Sprintf(
		"%s of people who are not in the course any more: deleted within a week, the first on %s; put them back into the course, or keep the volumes for longer",
		volumes(d.expiring), d.next.UTC().Format("2006-01-02 at 15:04 UTC"))
	switch {
	case course == nil || d.expiring == 0:
		return nil
	case d.overdue > 0:
		reason, message = v1alpha1.UnconfirmedReason, fmt.Sprintf(
			"%s of people who are not in the course any more: past the date, and kept, since %s", volumes(d.overdue), d.objection)
	}
	c := health.TrueCondition(course.Status.Conditions, v1alpha1.WorkExpiringCondition, reason, message, course.Generation, d.world.Now)
	return &c
}

// Unconfirmed returns the claim of a namespace without a Course that is due next and
// waits for a person, and describes all of them as keys and values of a structured log;
// nil if none does.
func (d KeepingDecision) Unconfirmed() (*corev1.PersistentVolumeClaim, []any) {
	if d.world.Course != nil || d.objection == "" || d.expiring == 0 {
		return nil, nil
	}
	return d.first, []any{"volumes", d.expiring, "overdue", d.overdue, "next", d.first.Labels[v1alpha1.KeepUntilLabel], "because", d.objection}
}

// Objection returns why no volume of the course may be deleted. It is empty if volumes may
// be deleted.
func (d KeepingDecision) Objection() string { return d.objection }

func volumes(n int32) string {
	if n == 1 {
		return "1 volume"
	}
	return fmt.Sprintf("%d volumes", n)
}
