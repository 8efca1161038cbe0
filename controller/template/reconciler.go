// Package template judges Templates, keeps their revisions, counts the Userlands
// that follow them and rolls the revisions out.
package template

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

var kind = v1alpha1.SchemeGroupVersion.WithKind("Template")

// Reconciler reconciles Templates.
type Reconciler struct {
	client.Client
	// Recent tells a cache that is behind our own writes.
	Recent *kube.Recent
	// Grants are given to the carrels that may restart for a roll-out.
	Grants *kube.Grants
	// Shard is the part of the Templates seen here.
	Shard kube.Shard
	// Clock tells the time.
	Clock clock.PassiveClock

	disused disuse
}

// +kubebuilder:rbac:groups=carrel.dev,resources=templates;userlands;courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=templates/status,verbs=patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=create
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services;persistentvolumeclaims,verbs=create

// Reconcile judges a Template it has not judged, keeps its revision, counts who
// uses it and rolls the revision out.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	template := &v1alpha1.Template{}
	err := r.Get(ctx, req.NamespacedName, template)
	if apierrors.IsNotFound(err) || err == nil && template.DeletionTimestamp != nil {
		return r.gone(ctx, req.NamespacedName)
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("read the template: %w", err)
	}
	if r.Recent.Behind(kind, req.NamespacedName, template.ResourceVersion) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	status, err := r.revise(ctx, template)
	if err != nil {
		return ctrl.Result{}, err
	}
	next, err := r.rollOut(ctx, template, &status)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.writeStatus(ctx, template, status); err != nil {
		return ctrl.Result{}, err
	}
	again, err := r.collect(ctx, req.NamespacedName, status.Revision)
	return r.at(next, again), err
}

// gone clears up after a Template that is no more.
func (r *Reconciler) gone(ctx context.Context, template client.ObjectKey) (ctrl.Result, error) {
	r.Grants.Set(template, "", nil)
	if gone, err := r.Shard.Gone(ctx, template, &v1alpha1.Template{}); err != nil || !gone {
		return ctrl.Result{}, err
	}
	again, err := r.collect(ctx, template, nil)
	return r.at(again), err
}

// at is when to look again: at the soonest of the moments that are not zero.
func (r *Reconciler) at(moments ...time.Time) ctrl.Result {
	var wait time.Duration
	for _, moment := range moments {
		if until := max(moment.Sub(r.Clock.Now()), time.Millisecond); !moment.IsZero() && (wait == 0 || until < wait) {
			wait = until
		}
	}
	return ctrl.Result{RequeueAfter: wait}
}

// revise judges the Template if it, or what this version of the controller makes
// of it, is new, and keeps its revision. It returns the status that says so.
func (r *Reconciler) revise(ctx context.Context, t *v1alpha1.Template) (v1alpha1.TemplateStatus, error) {
	status := ours(t.Status)
	want, err := workload.NewRevision(t)
	if err != nil {
		return status, err
	}
	made := status.Revision != nil && status.Revision.Name == want.Name
	if status.ObservedGeneration != t.Generation || accepted(status) && !made {
		verdict, err := r.judge(ctx, t)
		if err != nil {
			return status, fmt.Errorf("try the template on the API server: %w", err)
		}
		status.Conditions = health.ConditionsOf(t.Status.Conditions, verdict, t.Generation, r.Clock.Now())
		status.ObservedGeneration = t.Generation
	}
	if !accepted(status) {
		return status, nil
	}
	if !made {
		status.Revision = &v1alpha1.TemplateRevision{Name: want.Name, Since: metav1.NewTime(r.Clock.Now().Truncate(time.Second))}
	}
	return status, r.keep(ctx, want)
}

func accepted(s v1alpha1.TemplateStatus) bool {
	return meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ReadyCondition)
}

// rollOut counts who follows the Template, tells those whose turn it is to
// restart, and returns when there may be more to do.
func (r *Reconciler) rollOut(ctx context.Context, t *v1alpha1.Template, status *v1alpha1.TemplateStatus) (next time.Time, err error) {
	key := client.ObjectKeyFromObject(t)
	users, err := kube.UserlandsOfTemplate(ctx, r, key)
	if err != nil {
		return next, err
	}
	sameSource, err := r.sameSource(ctx, key, status.Revision)
	if err != nil {
		return next, err
	}
	taken := take(t, status.Revision, users, sameSource)
	status.Userlands = &taken.counts
	status.Conditions = health.OurConditions(status.Conditions)
	if !accepted(*status) {
		r.Grants.Set(key, "", nil)
		return next, nil
	}
	plan := lifecycle.PlanRollout(lifecycle.RolloutFacts{
		Rollout: t.Spec.Rollout, Since: status.Revision.Since.Time, Carrels: taken.carrels, Now: r.Clock.Now(),
		Granted: func(name string) bool {
			return r.Grants.May(client.ObjectKey{Namespace: t.Namespace, Name: name}, status.Revision.Name)
		},
	})
	if plan.Held != "" {
		status.Conditions = append(status.Conditions, health.TrueCondition(t.Status.Conditions,
			v1alpha1.RolloutHeldCondition, v1alpha1.UpdatedFailingReason, plan.Held, t.Generation, r.Clock.Now()))
	}
	r.Grants.Set(key, status.Revision.Name, plan.Restart)
	return plan.Next, nil
}

// ours is the part of a status that this controller writes.
func ours(s v1alpha1.TemplateStatus) v1alpha1.TemplateStatus {
	return v1alpha1.TemplateStatus{
		ObservedGeneration: s.ObservedGeneration,
		Userlands:          s.Userlands,
		Revision:           s.Revision,
		Conditions:         health.OurConditions(s.Conditions, v1alpha1.RolloutHeldCondition),
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
			WithUserlands(v1alpha1ac.TemplateUserlands().
				WithTotal(status.Userlands.Total).
				WithUpdated(status.Userlands.Updated).
				WithPending(status.Userlands.Pending).
				WithFailed(status.Userlands.Failed)).
			WithConditions(health.ConditionConfigurations(status.Conditions)...))
	if status.Revision != nil {
		config.Status.WithRevision(v1alpha1ac.TemplateRevision().WithName(status.Revision.Name).WithSince(status.Revision.Since))
	}
	if err := r.Status().Apply(ctx, config, client.FieldOwner(kube.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: t.Namespace, Name: t.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}
