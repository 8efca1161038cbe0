package volume

import (
	"context"
	"errors"
	"sync"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

var courseKind = v1alpha1.SchemeGroupVersion.WithKind("Course")

// Reconciler keeps the volumes of courses that nobody uses, and deletes them when their
// time is over. It reconciles all claims of a course together.
type Reconciler struct {
	*Keeper
	// Shard is the part of the Courses seen here.
	Shard kube.Shard
	// Watch returns the identity of the time for which controllers have run without an
	// outage, up to now. An outage, also one of this process, gives it another value.
	Watch func() string

	// rests holds, by namespace, the pause after its last deletions. What a restart
	// forgets costs one batch that comes early.
	rests sync.Map
}

// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments;controllerrevisions,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=userlands;templates;courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=courses/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile takes the steps that are due for the claims of a course, and counts them in
// its status. What the cache shows to be due is decided again from the API server: the
// cache may be behind, or hold one shard only.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if here, err := r.Shard.HasCourse(ctx, req.Namespace); err != nil || !here {
		return ctrl.Result{}, err
	}
	world, err := r.observe(ctx, r.Client, req.Namespace)
	decision := corevolume.DecideKeeping(world)
	if err == nil && decision.Due() {
		if world, err = r.observe(ctx, r.Live, req.Namespace); err == nil {
			err = r.act(ctx, &world, corevolume.DecideKeeping(world))
			decision = corevolume.DecideKeeping(world)
		}
	}
	if errors.Is(err, kube.ErrCacheBehind) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	if err == nil {
		err = r.writeStatus(ctx, world, decision)
	}
	if err != nil {
		log.FromContext(ctx).Info("Interrupted", "because", err.Error())
		return kube.Retry(err)
	}
	r.tellUnconfirmed(ctx, decision)
	if decision.Due() {
		decision.Next = world.Now
	}
	return kube.Requeue(decision.Next, world.Now, nil)
}

// tellUnconfirmed logs, and tells on the claim that is due next, that the volumes of a
// namespace without a Course wait for a person.
func (r *Reconciler) tellUnconfirmed(ctx context.Context, d corevolume.KeepingDecision) {
	claim, line := d.Unconfirmed()
	if claim == nil {
		return
	}
	log.FromContext(ctx).Info("Volumes wait for a confirmation", line...)
	r.Events.Eventf(claim, nil, corev1.EventTypeWarning, "VolumeUnconfirmed", "Expire",
		"it is due at %s, and stays: %s", claim.Labels[v1alpha1.KeepUntilLabel], d.Objection())
}
