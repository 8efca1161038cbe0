package canary

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/isolation"
	"github.com/carrel-dev/carrel/core/workload"
)

const (
	// system is the namespace of Carrel's processes, and partOf the label of their pods.
	system, partOf = "carrel-system", "app.kubernetes.io/part-of"
	// deployment and container have the image of the canary: that of this process.
	deployment, container = "carrel-errand", "manager"
	// maxPods bounds the pods that are read to choose neighbours from.
	maxPods = 100
	// digestBytes is the length of the digest of NetworkPolicies.
	digestBytes = 8
)

// observe reads everything that the decision about a Course rests on. It returns nil if
// the Course is gone: its Jobs go with it.
func (r *Reconciler) observe(ctx context.Context, key client.ObjectKey) (*World, error) {
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, key, course); err != nil || course.DeletionTimestamp != nil {
		return nil, client.IgnoreNotFound(err)
	}
	world := &World{Course: course, Now: r.Clock.Now()}
	class, policies := &v1alpha1.UserlandList{}, &networkingv1.NetworkPolicyList{}
	if err := r.List(ctx, class, client.InNamespace(key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the userlands of the course: %w", err)
	}
	if err := r.List(ctx, policies, client.InNamespace(key.Namespace)); err != nil {
		return nil, fmt.Errorf("list the network policies of the course: %w", err)
	}
	world.Userlands = class.Items
	var err error
	if world.Policies, err = digest(policies.Items); err != nil {
		return nil, err
	}
	if err := r.readJobs(ctx, world); err != nil {
		return nil, err
	}
	if world.MustPlan() {
		world.Plan, err = r.plan(ctx, world, policies.Items)
	}
	return world, err
}

// digest returns a digest of NetworkPolicies, in whatever order they come.
func digest(policies []networkingv1.NetworkPolicy) (string, error) {
	slices.SortFunc(policies, func(a, b networkingv1.NetworkPolicy) int { return cmp.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, policy := range policies {
		data, err := json.Marshal(policy.Spec)
		if err != nil {
			return "", fmt.Errorf("encode network policy %q: %w", policy.Name, err)
		}
		fmt.Fprintf(sum, "%s\x00%s\x00", policy.Name, data)
	}
	return hex.EncodeToString(sum.Sum(nil)[:digestBytes]), nil
}

// readJobs reads the Jobs of the canaries of a Course, and the pods of the present one.
func (r *Reconciler) readJobs(ctx context.Context, world *World) error {
	jobs := &batchv1.JobList{}
	if err := r.List(ctx, jobs, client.InNamespace(world.Course.Namespace)); err != nil {
		return fmt.Errorf("list the jobs of the course: %w", err)
	}
	for i := range jobs.Items {
		switch job := &jobs.Items[i]; {
		case !workload.IsCanary(job):
		case job.Name == world.jobName():
			world.Job = job
		default:
			world.Leftovers = append(world.Leftovers, *job)
		}
	}
	if world.Job == nil {
		return nil
	}
	pods := &corev1.PodList{}
	if err := r.List(ctx, pods, client.InNamespace(world.Job.Namespace), client.MatchingLabels{v1alpha1.ErrandLabel: world.Job.Name}); err != nil {
		return fmt.Errorf("list the pods of job %q: %w", world.Job.Name, err)
	}
	world.Pods = pods.Items
	return nil
}

// plan makes the Job of a canary, and asks the API server about its pod.
func (r *Reconciler) plan(ctx context.Context, world *World, policies []networkingv1.NetworkPolicy) (*Plan, error) {
	plan := &Plan{}
	var err error
	if plan.Answer.Busy, err = r.Room.Busy(ctx, world.Course.Namespace); err != nil || plan.Answer.Busy != "" {
		return plan, err
	}
	image, err := r.image(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := r.targets(ctx, world, policies)
	switch {
	case err != nil:
		return nil, err
	case image == "":
		plan.Problem = fmt.Sprintf("Deployment %s/%s does not exist, or has no container %q: its image is the canary's", system, deployment, container)
		return plan, nil
	case len(targets) == 0:
		plan.Problem = "no carrel of the course has a TCP port that the canary could try"
		return plan, nil
	}
	plan.Job = workload.CanaryJob(world.Course, world.jobName(), image, targets)
	return plan, r.Room.TryPod(ctx, plan.Job, &plan.Answer)
}

// image returns the image of this process; empty if its Deployment is missing.
func (r *Reconciler) image(ctx context.Context) (string, error) {
	own := &appsv1.Deployment{}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: system, Name: deployment}, own); apierrors.IsNotFound(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read deployment %s/%s: %w", system, deployment, err)
	}
	for _, c := range own.Spec.Template.Spec.Containers {
		if c.Name == container {
			return c.Image, nil
		}
	}
	return "", nil
}

// targets returns what the canary tries.
func (r *Reconciler) targets(ctx context.Context, world *World, policies []networkingv1.NetworkPolicy) ([]string, error) {
	templates, carrels, processes := &v1alpha1.TemplateList{}, &corev1.PodList{}, &corev1.PodList{}
	if err := r.List(ctx, templates, client.InNamespace(world.Course.Namespace)); err != nil {
		return nil, fmt.Errorf("list the templates of the course: %w", err)
	}
	// The cache has the pods of errands only.
	if err := r.Live.List(ctx, carrels, client.InNamespace(world.Course.Namespace), client.HasLabels{v1alpha1.UserlandLabel}, client.Limit(maxPods)); err != nil {
		return nil, fmt.Errorf("list the pods of the course: %w", err)
	}
	if err := r.Live.List(ctx, processes, client.InNamespace(system), client.MatchingLabels{partOf: "carrel"}, client.Limit(maxPods)); err != nil {
		return nil, fmt.Errorf("list the pods of carrel: %w", err)
	}
	var texts []string
	for _, target := range isolation.List(isolation.Cluster{
		Userlands: world.Userlands, Templates: templates.Items, Pods: carrels.Items, Processes: processes.Items, Policies: policies,
	}) {
		texts = append(texts, target.String())
	}
	return texts, nil
}
