package userland

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/health"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/workload"
)

// build makes the objects of a carrel and returns what there is to judge it by.
// Volumes come first: nothing may run on somebody else's.
func (r *Reconciler) build(ctx context.Context, u *v1alpha1.Userland, t *v1alpha1.Template) (health.Carrel, error) {
	claims, err := r.attachVolumes(ctx, u, t)
	if err != nil {
		return health.Carrel{}, err
	}
	intent, err := workload.Deployment(u, t)
	if err != nil {
		return health.Carrel{}, err
	}
	deployment, err := apply.Ensure[appsv1.Deployment](ctx, r.Applier, u, intent)
	if err != nil {
		return health.Carrel{}, err
	}
	if err := r.serve(ctx, u, t); err != nil {
		return health.Carrel{}, err
	}
	carrel, err := r.look(ctx, u, deployment)
	carrel.Claims = claims
	return carrel, err
}

// serve makes the Service.
func (r *Reconciler) serve(ctx context.Context, u *v1alpha1.Userland, t *v1alpha1.Template) error {
	live := &corev1.Service{}
	err := r.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: workload.ServiceName(u)}, live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read the service of %q: %w", u.Name, err)
	}
	if err == nil && metav1.IsControlledBy(live, u) && workload.ServiceMustGo(live, t) {
		return r.remove(ctx, live)
	}
	_, err = apply.Ensure[corev1.Service](ctx, r.Applier, u, workload.Service(u, t))
	return err
}

// remove deletes a Service for another to take its place, which its delete event
// brings about.
func (r *Reconciler) remove(ctx context.Context, service *corev1.Service) error {
	if service.DeletionTimestamp != nil {
		return &apply.LeavingError{Kind: "Service", Name: service.Name}
	}
	err := r.Delete(ctx, service, client.Preconditions{UID: &service.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete service %q, whose kind of address changes: %w", service.Name, err)
	}
	return &apply.LeavingError{Kind: "Service", Name: service.Name}
}

// look collects what the judgement rests on.
func (r *Reconciler) look(ctx context.Context, u *v1alpha1.Userland, deployment *appsv1.Deployment) (health.Carrel, error) {
	pods, err := index.Pods(ctx, r, client.ObjectKeyFromObject(u))
	return health.Carrel{Enabled: u.Enabled(), Deployment: deployment, Pods: pods, Now: r.Clock.Now()}, err
}
