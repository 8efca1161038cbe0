package volume

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// KeepingWorld holds everything that the decision about the volumes of a course rests on,
// read at one moment.
type KeepingWorld struct {
	// Namespace is that of the course.
	Namespace string
	// Course is the Course of the namespace. It is nil if there is none.
	Course *v1alpha1.Course
	// Confirmed reports whether a person let volumes expire although the namespace has
	// no Course.
	Confirmed bool
	// Carrels are the carrels of all Userlands of the course.
	Carrels []Carrel
	// Claims are all claims of the course. None is changed.
	Claims []corev1.PersistentVolumeClaim
	// Rows are the users in the rows of the rosters. They need not be read if each owner
	// of a claim has a Userland.
	Rows []string
	// Unread names the cause why the rosters could not be read. It is empty if they were read, or need
	// not be read.
	Unread string
	// Watch identifies the time for which controllers have run without an outage, up to
	// now. Another watch has another identity.
	Watch string
	// Rest is the pause after the last deletions.
	Rest Rest
	// Now is the time.
	Now time.Time
}

// Rest is a pause in which nothing is deleted. The zero value is none.
type Rest struct{ From, Until time.Time }

// holds reports whether the pause lasts. A pause that begins in the future was begun by
// a clock that was wrong.
func (r Rest) holds(now time.Time) bool { return !now.Before(r.From) && now.Before(r.Until) }

// suspended reports whether nothing of the course may be touched.
func (w KeepingWorld) suspended() bool { return w.Course != nil && w.Course.Spec.Suspend }

// WatchedSince returns since when a controller has watched the course without a break;
// zero while it is suspended, and for a namespace without a Course, which can't record it.
// What the status records counts for the watch that it names only. So an outage restarts
// the time, whatever the clocks show.
func (w KeepingWorld) WatchedSince() time.Time {
	switch {
	case w.Course == nil || w.suspended():
		return time.Time{}
	case !w.recorded():
		return CeilSecond(w.Now)
	default:
		return w.Course.Status.Volumes.WatchedSince.Time
	}
}

// recorded reports whether the status has a WatchedSince of this watch.
func (w KeepingWorld) recorded() bool {
	status := w.Course.Status.Volumes
	return status != nil && status.WatchedSince != nil && status.Watch == w.Watch
}

// objection returns why no volume of the course may be deleted. It is empty if volumes may
// be deleted.
func (w KeepingWorld) objection() string {
	if w.Course == nil {
		if w.Confirmed {
			return ""
		}
		return fmt.Sprintf("the namespace has no Course; to let them go, run: %s", w.ConfirmCommand())
	}
	course := w.Course
	valid := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.RosterValidCondition)
	switch {
	case course.DeletionTimestamp != nil:
		return "the Course is being deleted"
	case course.Spec.Suspend:
		return "the course is suspended"
	case course.Status.ObservedGeneration != course.Generation:
		return "the last change of the Course has not taken effect yet"
	case valid == nil && len(course.Spec.Rosters) > 0:
		return "the rosters have not been read yet"
	case valid != nil && valid.Status == metav1.ConditionFalse:
		return "the rosters have errors"
	case valid != nil && valid.Status != metav1.ConditionTrue:
		return "the rosters are being written"
	default:
		return w.Unread
	}
}

// ConfirmCommand returns the command that lets the volumes of a namespace without a
// Course expire.
func (w KeepingWorld) ConfirmCommand() string {
	return fmt.Sprintf("kubectl annotate namespace %s %s=%s --overwrite", w.Namespace, v1alpha1.ExpireWithoutCourseAnnotation, w.Namespace)
}

// request returns the request for a claim that was not handled yet; nil if there is none.
func (w KeepingWorld) request(claim *corev1.PersistentVolumeClaim) *v1alpha1.VolumeRequest {
	if w.Course == nil || w.Course.Status.Requests == nil {
		return nil
	}
	// A time that can't be parsed counts as no handled request.
	handled, _ := time.Parse(time.RFC3339, claim.Annotations[v1alpha1.HandledRequestAnnotation])
	for i := range w.Course.Status.Requests.Volumes {
		r := &w.Course.Status.Requests.Volumes[i]
		if r.Claim == claim.Name && r.At.After(handled) {
			return r
		}
	}
	return nil
}
