// Package template judges Templates, once for each generation, and counts the
// Userlands that follow them.
package template

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	v1alpha1ac "github.com/carrel-dev/carrel/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/conditions"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/revision"
)

var kind = v1alpha1.SchemeGroupVersion.WithKind("Template")

// Reconciler reconciles Templates.
type Reconciler struct {
	client.Client
	// Recent tells a cache that is behind our own writes.
	Recent *apply.Recent
	// Clock tells the time.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=carrel.dev,resources=templates;userlands;courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=templates/status,verbs=patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=create
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=services;persistentvolumeclaims,verbs=create

// Reconcile judges a Template it has not judged and counts who uses it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	template := &v1alpha1.Template{}
	if err := r.Get(ctx, req.NamespacedName, template); err != nil || template.DeletionTimestamp != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.Recent.Behind(kind, req.NamespacedName, template.ResourceVersion) {
		return ctrl.Result{RequeueAfter: apply.CacheLag}, nil
	}
	status := ours(template.Status)
	if status.ObservedGeneration != template.Generation {
		verdict, err := r.judge(ctx, template)
		if err != nil {
			return ctrl.Result{}, fmt.Errorf("try the template on the API server: %w", err)
		}
		status.Conditions = conditions.Of(template.Status.Conditions, verdict, template.Generation, r.Clock.Now())
		status.ObservedGeneration = template.Generation
		if verdict.Ready {
			if status.Revision, err = r.revise(ctx, template); err != nil {
				return ctrl.Result{}, err
			}
		}
	}
	users, err := index.Users(ctx, r, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	status.Userlands = &v1alpha1.TemplateUserlands{Total: int32(len(users))}
	return ctrl.Result{}, r.writeStatus(ctx, template, status)
}

// revise keeps what carrels are made of from now on.
func (r *Reconciler) revise(ctx context.Context, t *v1alpha1.Template) (*v1alpha1.TemplateRevision, error) {
	kept, err := revision.New(t)
	if err != nil {
		return nil, err
	}
	if err := r.Create(ctx, kept); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("keep revision %q: %w", kept.Name, err)
	}
	return &v1alpha1.TemplateRevision{Name: kept.Name, Since: metav1.NewTime(r.Clock.Now().Truncate(time.Second))}, nil
}

// ours is the part of a status that this controller writes.
func ours(s v1alpha1.TemplateStatus) v1alpha1.TemplateStatus {
	return v1alpha1.TemplateStatus{
		ObservedGeneration: s.ObservedGeneration,
		Userlands:          s.Userlands,
		Revision:           s.Revision,
		Conditions:         conditions.Ours(s.Conditions),
	}
}

func (r *Reconciler) writeStatus(ctx context.Context, t *v1alpha1.Template, status v1alpha1.TemplateStatus) error {
	if equality.Semantic.DeepEqual(ours(t.Status), status) {
		return nil
	}
	config := v1alpha1ac.Template(t.Name, t.Namespace).
		WithUID(t.UID).
		WithStatus(v1alpha1ac.TemplateStatus().
			WithObservedGeneration(status.ObservedGeneration).
			WithUserlands(v1alpha1ac.TemplateUserlands().WithTotal(status.Userlands.Total)).
			WithConditions(conditions.Configurations(status.Conditions)...))
	if status.Revision != nil {
		config.Status.WithRevision(v1alpha1ac.TemplateRevision().WithName(status.Revision.Name).WithSince(status.Revision.Since))
	}
	if err := r.Status().Apply(ctx, config, client.FieldOwner(apply.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: t.Namespace, Name: t.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}
