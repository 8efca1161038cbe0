// Package room finds out whether there is room for the pod of an errand, and creates its
// Job. All errands of a process share one Room, so that no two take the last place.
package room

import (
	"context"
	"fmt"
	"strings"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// FieldOwner is the field owner of what the errand process writes.
const FieldOwner = "carrel-errand"

// perCluster is how many errands run at once in all courses. A course has one.
const perCluster = 3

// Room asks the API server about room for errands. Whoever asks and then creates a Job
// holds its lock.
type Room struct {
	sync.Mutex
	// Client writes.
	Client client.Client
	// Live reads from the API server itself.
	Live client.Reader
}

// Answer is what the API server answered when it was asked about room for a pod. Empty
// fields mean that nothing is in the way.
type Answer struct {
	// Busy describes the errands that run already and have to end first.
	Busy string
	// Full describes the quota that has no room.
	Full string
	// Refused describes the rule that forbids the pod.
	Refused string
}

// Busy describes the errands that have to end before one of a course may begin; empty if
// there are none. It does not read the cache, which may not show the last ones yet.
func (r *Room) Busy(ctx context.Context, namespace string) (string, error) {
	jobs := &batchv1.JobList{}
	if err := r.Live.List(ctx, jobs, client.HasLabels{v1alpha1.ErrandLabel}); err != nil {
		return "", fmt.Errorf("list the jobs of all errands: %w", err)
	}
	for _, job := range jobs.Items {
		if job.Namespace == namespace {
			return "another errand of the course runs", nil
		}
	}
	if len(jobs.Items) >= perCluster {
		return fmt.Sprintf("%d errands of other courses run", len(jobs.Items)), nil
	}
	return "", nil
}

// TryPod asks the API server to check the pod of a Job without creating it, and adds to
// the answer.
func (r *Room) TryPod(ctx context.Context, job *batchv1.Job, answer *Answer) error {
	pod := &corev1.Pod{ObjectMeta: job.Spec.Template.ObjectMeta, Spec: job.Spec.Template.Spec}
	pod.Namespace, pod.GenerateName = job.Namespace, job.Name+"-"
	err := r.Client.Create(ctx, pod, client.DryRunAll)
	// Some rules can't be asked without effect, and a quota that was just made counts
	// nothing yet.
	if err == nil || strings.Contains(err.Error(), "does not support dry run") || strings.Contains(err.Error(), "status unknown for quota") {
		return nil
	}
	problem := health.Classify(fmt.Errorf("try the pod of an errand on the API server: %w", err))
	switch problem.Cause {
	case health.Quota:
		answer.Full = problem.Message
	case health.Refused:
		answer.Refused = problem.Message
	case health.Gone:
		answer.Busy = "the namespace is being removed"
	default:
		return err
	}
	return nil
}

// Create creates the Job of an errand.
func (r *Room) Create(ctx context.Context, job *batchv1.Job) error {
	err := r.Client.Create(ctx, job, client.FieldOwner(FieldOwner))
	if err == nil {
		started.Inc()
	}
	return err
}

// Remove deletes the Job of an errand, with its pod, so that the Job is gone when the pod
// is.
func (r *Room) Remove(ctx context.Context, job *batchv1.Job) error {
	err := r.Client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationForeground), client.Preconditions{UID: &job.UID})
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete job %q: %w", job.Name, err)
	}
	return nil
}

// NotEnding returns the Jobs that nobody has deleted yet.
func NotEnding(jobs []batchv1.Job) (live []batchv1.Job) {
	for _, job := range jobs {
		if job.DeletionTimestamp == nil {
			live = append(live, job)
		}
	}
	return live
}
