package volume

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// statusOwner owns the fields of a Course's status that are about volumes. They are no
// part of what controller/course applies.
const statusOwner = "carrel-controller-volumes"

// writeStatus writes what the Course records about volumes, if it differs from what is
// there.
func (r *Reconciler) writeStatus(ctx context.Context, w corevolume.KeepingWorld, d corevolume.KeepingDecision) error {
	course := w.Course
	if course == nil || course.DeletionTimestamp != nil {
		return nil
	}
	status, expiring := d.Status(), d.WorkExpiring()
	if equality.Semantic.DeepEqual(status, course.Status.Volumes) &&
		equality.Semantic.DeepEqual(expiring, meta.FindStatusCondition(course.Status.Conditions, v1alpha1.WorkExpiringCondition)) {
		return nil
	}
	if status != nil && d.NewWatch() {
		if err := r.dateWatch(ctx, w, status); err != nil {
			return err
		}
	}
	// Never that of a namesake that came in its place in the meantime.
	config := v1alpha1ac.Course(course.Name, course.Namespace).WithUID(course.UID).WithStatus(configuration(status, expiring))
	if err := r.Client.Status().Apply(ctx, config, client.FieldOwner(statusOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status of the volumes: %w", err)
	}
	r.Recent.Wrote(courseKind, &metav1.ObjectMeta{Namespace: course.Namespace, Name: course.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}

// dateWatch makes a new WatchedSince the later one of this machine's time and the API
// server's, so that neither clock makes the notice shorter.
func (r *Reconciler) dateWatch(ctx context.Context, w corevolume.KeepingWorld, status *v1alpha1.VolumeStatus) error {
	// A status is about at least one claim.
	theirs, err := r.theirTime(ctx, &w.Claims[0], func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.CondemnedAnnotation: corevolume.Stamp(w.Now.Add(time.Second))})
	})
	if err == nil {
		status.WatchedSince = &metav1.Time{Time: corevolume.CeilSecond(latest(status.WatchedSince.Time, theirs))}
	}
	return err
}

// configuration returns what is recorded as an apply takes it. What it leaves out is
// removed.
func configuration(status *v1alpha1.VolumeStatus, expiring *metav1.Condition) *v1alpha1ac.CourseStatusApplyConfiguration {
	config := v1alpha1ac.CourseStatus()
	if expiring != nil {
		config.WithConditions(health.ConditionConfigurations([]metav1.Condition{*expiring})...)
	}
	if status == nil {
		return config
	}
	volumes := v1alpha1ac.VolumeStatus().WithKept(status.Kept).WithExpiring(status.Expiring).WithUndecided(status.Undecided)
	volumes.Next, volumes.WatchedSince = status.Next, status.WatchedSince
	if status.Watch != "" {
		volumes.WithWatch(status.Watch)
	}
	return config.WithVolumes(volumes)
}
