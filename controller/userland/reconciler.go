// Package userland gives each Userland the carrel it asks for, and reports how the
// carrel is doing. What to do is decided by package lifecycle; this package
// observes, acts and writes the status.
package userland

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/volume"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

var (
	kind           = v1alpha1.SchemeGroupVersion.WithKind("Userland")
	deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	serviceKind    = corev1.SchemeGroupVersion.WithKind("Service")
	claimKind      = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
)

// Reconciler reconciles Userlands.
type Reconciler struct {
	client.Client
	// Observer reads all that a decision rests on.
	*Observer
	// Applier applies the objects of a carrel.
	Applier *kube.Applier
	// Volumes attaches the volumes.
	Volumes *volume.Keeper
	// Events tells people what happened.
	Events events.EventRecorder
}

// +kubebuilder:rbac:groups=carrel.dev,resources=userlands;templates;courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=userlands/status,verbs=patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile gives one Userland its carrel in four steps: it observes the World,
// decides, acts, and records what came of it in the status.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	userland := &v1alpha1.Userland{}
	err := r.Get(ctx, req.NamespacedName, userland)
	switch {
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, r.forget(ctx, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("read Userland %q: %w", req.Name, err)
	case userland.DeletionTimestamp != nil:
		return ctrl.Result{}, nil
	case r.Applier.Recent.Behind(kind, req.NamespacedName, userland.ResourceVersion):
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	if elsewhere, err := r.Shard.CourseElsewhere(ctx, req.Namespace); err != nil || elsewhere {
		r.Lines.Drop(req.Namespace)
		return ctrl.Result{}, err
	}

	world, err := r.Observe(ctx, userland)
	if err != nil {
		return r.record(ctx, world, lifecycle.Unobserved(world, err), err)
	}
	world, decision := r.Lines.Decide(world)
	if err := r.recordFirstUses(ctx, decision); err != nil {
		return r.record(ctx, world, lifecycle.Unobserved(world, err), err)
	}
	outcome := r.act(ctx, world, decision)
	if outcome.Err != nil && decision.Presence.Idle {
		// The answer that let the carrel be stopped is spent.
		r.Prober.Forget(req.NamespacedName)
	}
	return r.record(ctx, world, lifecycle.Conclude(world, decision, outcome), outcome.Err)
}

// recordFirstUses records on the claims that a pod runs with them. It is done before the
// pod may be ended, and before anybody is sent to it: a claim that holds work must not
// count as empty, whenever the controller is killed.
func (r *Reconciler) recordFirstUses(ctx context.Context, d lifecycle.Decision) error {
	for _, claim := range d.Objects.Volumes.FirstUses {
		if err := r.Volumes.RecordFirstUse(ctx, claim); err != nil {
			return err
		}
	}
	return nil
}
