package userland

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

// plan is what the carrel is to be made of; nil if that is not known.
func (r *Reconciler) plan(u *v1alpha1.Userland, using *origin, decision lifecycle.PresenceDecision) *workload.Plan {
	if using == nil {
		return nil
	}
	return &workload.Plan{
		Userland: u, Template: using.kept.Labels[v1alpha1.TemplateLabel], Revision: using.kept.Name, Blueprint: using.blueprint,
		Run: decision.Presence == health.Running, RestartedAt: restartedAt(decision.Handled),
	}
}

// restartedAt is when a person last asked for a new pod.
func restartedAt(handled *v1alpha1.HandledRequests) *metav1.Time {
	switch {
	case handled == nil:
		return nil
	case handled.RestartAt.Before(handled.ResetAt):
		return handled.ResetAt
	default:
		return handled.RestartAt
	}
}

// build makes the Deployment and the Service.
func (r *Reconciler) build(ctx context.Context, plan workload.Plan) (*appsv1.Deployment, error) {
	intent, err := workload.Deployment(plan)
	if err != nil {
		return nil, err
	}
	deployment, err := kube.Ensure[appsv1.Deployment](ctx, r.Applier, plan.Userland, intent)
	if err != nil {
		return nil, err
	}
	return deployment, r.serve(ctx, plan)
}

// serve makes the Service.
func (r *Reconciler) serve(ctx context.Context, plan workload.Plan) error {
	live, err := kube.Services(ctx, r, client.ObjectKeyFromObject(plan.Userland))
	if err != nil {
		return err
	}
	for i := range live {
		if metav1.IsControlledBy(&live[i], plan.Userland) && workload.ServiceMustGo(&live[i], plan) {
			if err := r.remove(ctx, &live[i]); err != nil {
				return err
			}
		}
	}
	_, err = kube.Ensure[corev1.Service](ctx, r.Applier, plan.Userland, workload.Service(plan))
	return err
}

// remove deletes a Service for another to take its place, which its delete event
// brings about.
func (r *Reconciler) remove(ctx context.Context, service *corev1.Service) error {
	if service.DeletionTimestamp != nil {
		return &workload.LeavingError{Kind: "Service", Name: service.Name}
	}
	err := r.Delete(ctx, service, client.Preconditions{UID: &service.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete service %q, whose name or kind of address changes: %w", service.Name, err)
	}
	return &workload.LeavingError{Kind: "Service", Name: service.Name}
}

// scale starts or stops what is there, which takes no revision to be known.
func (r *Reconciler) scale(ctx context.Context, deployment *appsv1.Deployment, run bool) error {
	var replicas int32
	if run {
		replicas = 1
	}
	if deployment == nil || ptr.Deref(deployment.Spec.Replicas, 1) == replicas {
		return nil
	}
	before := deployment.DeepCopy()
	deployment.Spec.Replicas = &replicas
	if err := r.Patch(ctx, deployment, client.MergeFrom(before), client.FieldOwner(kube.FieldOwner)); err != nil {
		return fmt.Errorf("scale deployment %q to %d: %w", deployment.Name, replicas, err)
	}
	r.Applier.Recent.Wrote(deploymentKind, deployment)
	return nil
}
