package userland

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

// act writes the objects of a carrel until a write fails, and returns what came of
// it. The volumes come first: nothing may run on somebody else's.
func (r *Reconciler) act(ctx context.Context, w lifecycle.World, d lifecycle.Decision) (o lifecycle.Outcome) {
	if d.Ask != "" {
		r.Prober.Ask(ctx, client.ObjectKeyFromObject(w.Userland), d.Ask)
	}
	attached, err := r.Volumes.Attach(ctx, w.Userland, d.Objects.Volumes)
	o.Claims, o.Notice, o.Next, o.Err = attached.Claims, attached.Notice, attached.Next, err
	if o.Err != nil || d.Obstacle != nil {
		return o
	}
	switch {
	case d.Objects.Deployment != nil:
		o.Deployment, o.Err = kube.Ensure[appsv1.Deployment](ctx, r.Applier, w.Userland, d.Objects.Deployment)
	case d.Objects.Replicas != nil:
		o.Deployment, o.Err = r.scale(ctx, w.Deployment, *d.Objects.Replicas)
	}
	if o.Err == nil && d.Objects.Service != nil {
		o.Err = r.serve(ctx, w.Userland, d.Objects)
	}
	return o
}

// serve applies the Service. One that has to be deleted first is replaced when its
// removal is reported.
func (r *Reconciler) serve(ctx context.Context, u *v1alpha1.Userland, wanted lifecycle.Objects) error {
	if len(wanted.Obsolete) > 0 {
		return r.remove(ctx, wanted.Obsolete[0])
	}
	_, err := kube.Ensure[corev1.Service](ctx, r.Applier, u, wanted.Service)
	return err
}

// remove deletes a Service. It returns a *workload.LeavingError if that succeeds.
func (r *Reconciler) remove(ctx context.Context, service *corev1.Service) error {
	if service.DeletionTimestamp == nil {
		if err := r.Delete(ctx, service, client.Preconditions{UID: &service.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete Service %q, whose name or kind of address changes: %w", service.Name, err)
		}
	}
	return &workload.LeavingError{Kind: serviceKind.Kind, Name: service.Name}
}

// scale starts or stops a Deployment of which nothing else is to be changed.
func (r *Reconciler) scale(ctx context.Context, deployment *appsv1.Deployment, replicas int32) (*appsv1.Deployment, error) {
	scaled := deployment.DeepCopy()
	scaled.Spec.Replicas = &replicas
	if err := r.Patch(ctx, scaled, client.MergeFrom(deployment), client.FieldOwner(kube.FieldOwner)); err != nil {
		return nil, fmt.Errorf("scale Deployment %q to %d: %w", deployment.Name, replicas, err)
	}
	r.Applier.Recent.Wrote(deploymentKind, scaled)
	return scaled, nil
}
