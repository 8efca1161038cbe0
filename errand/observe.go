package errand

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/room"
)

// observe reads everything that the decision about a Template rests on. It returns nil
// if the Template is gone: its Jobs go with it.
func (r *Reconciler) observe(ctx context.Context, key client.ObjectKey) (*World, error) {
	template := &v1alpha1.Template{}
	if err := r.Get(ctx, key, template); err != nil || template.DeletionTimestamp != nil {
		return nil, client.IgnoreNotFound(err)
	}
	world := &World{Template: template, Now: r.Clock.Now()}
	revision, err := workload.NewRevision(template)
	if err != nil {
		return nil, err
	}
	world.Wanted = revision.Name
	if world.Volumes, err = workload.VolumesDigest(template); err != nil {
		return nil, err
	}
	if err := r.readJobs(ctx, world); err != nil {
		return nil, err
	}
	// Right after a restart, most Templates need nothing of what follows.
	if world.settled() {
		return world, nil
	}
	if err := r.readClass(ctx, world); err != nil {
		return nil, err
	}
	if world.Job != nil {
		if err := r.readPods(ctx, world); err != nil {
			return nil, err
		}
	}
	if world.MustAsk() {
		world.Answer, err = r.ask(ctx, world)
	}
	return world, err
}

// readJobs reads the Jobs of a Template.
func (r *Reconciler) readJobs(ctx context.Context, world *World) error {
	jobs := &batchv1.JobList{}
	if err := r.List(ctx, jobs, client.InNamespace(world.Template.Namespace), client.MatchingLabels{v1alpha1.TemplateLabel: world.Template.Name}); err != nil {
		return fmt.Errorf("list the jobs of template %q: %w", world.Template.Name, err)
	}
	for i := range jobs.Items {
		if job := &jobs.Items[i]; job.Name == world.jobName() {
			world.Job = job
		} else {
			world.Leftovers = append(world.Leftovers, *job)
		}
	}
	return nil
}

// readClass reads the Course and the Userlands of a Template.
func (r *Reconciler) readClass(ctx context.Context, world *World) error {
	namespace := world.Template.Namespace
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, course); err == nil {
		world.Course = course
	} else if !apierrors.IsNotFound(err) {
		return fmt.Errorf("read course %q: %w", namespace, err)
	}
	if world.Course != nil && course.Spec.Timetable != nil {
		// What is wrong with a timetable is in the status of the Course.
		if table, err := timetable.New(*course.Spec.Timetable); err == nil {
			world.Over = table.At("", world.Now).Over
		}
	}
	class := &v1alpha1.UserlandList{}
	if err := r.List(ctx, class, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the userlands of the course: %w", err)
	}
	world.Userlands = class.Items
	return nil
}

// readPods reads the pods of the Job, their claims and the storage classes that these
// wait for.
func (r *Reconciler) readPods(ctx context.Context, world *World) error {
	ofJob := []client.ListOption{client.InNamespace(world.Job.Namespace), client.MatchingLabels{v1alpha1.ErrandLabel: world.Job.Name}}
	pods, claims := &corev1.PodList{}, &corev1.PersistentVolumeClaimList{}
	if err := r.List(ctx, pods, ofJob...); err != nil {
		return fmt.Errorf("list the pods of job %q: %w", world.Job.Name, err)
	}
	if err := r.List(ctx, claims, ofJob...); err != nil {
		return fmt.Errorf("list the volume claims of job %q: %w", world.Job.Name, err)
	}
	world.Pods, world.Claims, world.MissingClasses = pods.Items, claims.Items, map[string]bool{}
	for _, claim := range claims.Items {
		class := ptr.Deref(claim.Spec.StorageClassName, "")
		if class == "" || claim.Status.Phase == corev1.ClaimBound {
			continue
		}
		err := r.Live.Get(ctx, client.ObjectKey{Name: class}, &storagev1.StorageClass{})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("read storage class %q: %w", class, err)
		}
		world.MissingClasses[class] = err != nil
	}
	return nil
}

// ask asks the API server whether there is room for the pod of a trial, and whether it
// is allowed.
func (r *Reconciler) ask(ctx context.Context, world *World) (*room.Answer, error) {
	answer := &room.Answer{}
	var err error
	if world.Job == nil {
		if answer.Busy, err = r.Room.Busy(ctx, world.Template.Namespace); err != nil || answer.Busy != "" {
			return answer, err
		}
	}
	if answer.Full, err = r.fullOfVolumes(ctx, world.Template); err != nil || answer.Full != "" {
		return answer, err
	}
	job, err := workload.TrialJob(world.Template, world.jobName())
	if err != nil {
		return nil, err
	}
	return answer, r.Room.TryPod(ctx, job, answer)
}

// fullOfVolumes describes the quota that has no room for the volumes of a Template. A
// dry run of the pod says nothing about them, since they are made after it.
func (r *Reconciler) fullOfVolumes(ctx context.Context, t *v1alpha1.Template) (string, error) {
	if len(t.Spec.Volumes) == 0 {
		return "", nil
	}
	quotas := &corev1.ResourceQuotaList{}
	if err := r.Live.List(ctx, quotas, client.InNamespace(t.Namespace)); err != nil {
		return "", fmt.Errorf("list the quotas of the course: %w", err)
	}
	return overQuota(quotas.Items, t), nil
}
