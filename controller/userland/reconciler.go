// Package userland brings about what a Userland asks for and says how it is
// doing.
package userland

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/volume"
)

var kind = v1alpha1.SchemeGroupVersion.WithKind("Userland")

// Reconciler reconciles Userlands.
type Reconciler struct {
	client.Client
	// Applier applies the objects of a carrel.
	Applier *kube.Applier
	// Volumes sees to the volumes.
	Volumes *volume.Keeper
	// Grants say which running carrels may restart for a roll-out.
	Grants *kube.Grants
	// Lines are the queues of those that wait to start.
	Lines *Lines
	// Tables are the timetables of the classes.
	Tables *kube.Timetables
	// Shard is the part of the Userlands seen here.
	Shard kube.Shard
	// Prober asks carrels when they were last used.
	Prober *Prober
	// Events tells people what happened.
	Events events.EventRecorder
	// Clock tells the time.
	Clock clock.PassiveClock
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

// Reconcile brings one carrel to what its Userland and Template ask for, and
// writes how it is doing.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	userland := &v1alpha1.Userland{}
	err := r.Get(ctx, req.NamespacedName, userland)
	switch {
	case apierrors.IsNotFound(err):
		return r.release(ctx, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("read the userland: %w", err)
	case userland.DeletionTimestamp != nil:
		// Its volumes are seen to when it is gone.
		return ctrl.Result{}, nil
	case r.Applier.Recent.Behind(kind, req.NamespacedName, userland.ResourceVersion):
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}

	choice, err := r.choose(ctx, userland)
	if err != nil || choice.undecided || choice.course.Spec.Suspend {
		return ctrl.Result{}, err
	}
	outcome, err := r.bringAbout(ctx, userland, choice)
	if errors.Is(err, kube.ErrCacheBehind) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	if err != nil || outcome.undecided {
		return ctrl.Result{}, err
	}
	r.arrived(userland, outcome)
	return ctrl.Result{RequeueAfter: outcome.recheck(r.Clock.Now())}, r.writeStatus(ctx, userland, outcome)
}

// release sees to the volumes of a Userland that is gone.
func (r *Reconciler) release(ctx context.Context, userland client.ObjectKey) (ctrl.Result, error) {
	if gone, err := r.Shard.Gone(ctx, userland, &v1alpha1.Userland{}); err != nil || !gone {
		return ctrl.Result{}, err
	}
	r.Lines.Leave(userland, r.Clock.Now())
	if suspended, err := r.suspended(ctx, userland.Namespace); err != nil || suspended {
		return ctrl.Result{}, err
	}
	next, err := r.Volumes.Release(ctx, userland)
	if errors.Is(err, kube.ErrCacheBehind) || apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	return ctrl.Result{RequeueAfter: outcome{next: next}.recheck(r.Clock.Now())}, err
}

// suspended reports whether nothing of a course is to be touched. The end of it
// has everybody looked at again.
func (r *Reconciler) suspended(ctx context.Context, namespace string) (bool, error) {
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, course); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read course %q: %w", namespace, err)
	}
	return course.Spec.Suspend, nil
}
