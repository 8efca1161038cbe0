// Package template judges Templates, keeps their revisions, counts the Userlands
// that follow them and rolls the revisions out. It observes and acts; package
// lifecycle decides.
package template

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

var kind = v1alpha1.SchemeGroupVersion.WithKind("Template")

// Reconciler reconciles Templates.
type Reconciler struct {
	client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Recent knows whether the cache is behind our own writes.
	Recent *kube.Recent
	// Grants are given to the carrels that may restart for a roll-out.
	Grants *kube.Grants
	// Shard is the part of the Templates seen here.
	Shard kube.Shard
	// Tables holds the timetables of the Courses.
	Tables *kube.Timetables
	// Clock returns the time.
	Clock clock.PassiveClock

	memory memory
}

// +kubebuilder:rbac:groups=carrel.dev,resources=templates;userlands;courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=templates/status,verbs=patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=create
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services;persistentvolumeclaims;pods,verbs=create
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get

// Reconcile judges a Template that is not judged yet, keeps its revision, counts
// the Userlands that follow it and rolls the revision out. It deletes revisions
// that nobody uses, also after the Template is gone.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	world, err := r.observe(ctx, req.NamespacedName)
	switch {
	case errors.Is(err, kube.ErrCacheBehind):
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	case err != nil || world == nil:
		return ctrl.Result{}, err
	}
	decision := lifecycle.DecideTemplate(*world)
	r.act(ctx, req.NamespacedName, &decision)
	if line := decision.LogLine(); line != nil {
		log.FromContext(ctx).Info("Decided", line...)
	}
	if err := r.writeStatus(ctx, world.Template, decision.Status()); err != nil {
		return kube.Retry(err)
	}
	return kube.Requeue(decision.Next(), world.Now, decision.Unavailable())
}

// writeStatus writes a status that differs from the one that is there. A Template
// that is gone has none.
func (r *Reconciler) writeStatus(ctx context.Context, t *v1alpha1.Template, status v1alpha1.TemplateStatus) error {
	if t == nil || equality.Semantic.DeepEqual(lifecycle.OwnTemplateStatus(t.Status), status) {
		return nil
	}
	// Never that of a namesake that came in its place in the meantime.
	config := v1alpha1ac.Template(t.Name, t.Namespace).WithUID(t.UID).WithStatus(configuration(status))
	if err := r.Status().Apply(ctx, config, client.FieldOwner(kube.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: t.Namespace, Name: t.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}

// configuration returns a status as an apply takes it.
func configuration(status v1alpha1.TemplateStatus) *v1alpha1ac.TemplateStatusApplyConfiguration {
	config := v1alpha1ac.TemplateStatus().
		WithObservedGeneration(status.ObservedGeneration).
		WithConditions(health.ConditionConfigurations(status.Conditions)...)
	if counts := status.Userlands; counts != nil {
		config.WithUserlands(v1alpha1ac.TemplateUserlands().
			WithTotal(counts.Total).WithUpdated(counts.Updated).WithPending(counts.Pending).WithFailed(counts.Failed))
	}
	if status.LastHandledReconcileAt != "" {
		config.WithLastHandledReconcileAt(status.LastHandledReconcileAt)
	}
	if status.Revision != nil {
		config.WithRevision(v1alpha1ac.TemplateRevision().WithName(status.Revision.Name).WithSince(status.Revision.Since))
	}
	return config
}
