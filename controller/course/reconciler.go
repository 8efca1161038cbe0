// Package course turns the rosters of a Course into Userlands, and rolls their
// state up.
package course

import (
	"context"
	"errors"
	"fmt"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/predicates"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
)

var kind = v1alpha1.SchemeGroupVersion.WithKind("Course")

// Reconciler reconciles Courses.
type Reconciler struct {
	client.Client
	// Recent tells a cache that is behind our own writes.
	Recent *kube.Recent
	// Refused are the rosters that the API server refused lately.
	Refused *refusals
	// Tables are the timetables of the classes.
	Tables *kube.Timetables
	// Clock tells the time.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=carrel.dev,resources=courses;userlands;templates,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=courses/status,verbs=patch

// Reconcile makes Userlands of the rosters of a course, and counts all it has.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, req.NamespacedName, course); err != nil || course.DeletionTimestamp != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.Recent.Behind(kind, req.NamespacedName, course.ResourceVersion) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	list := &v1alpha1.UserlandList{}
	if err := r.List(ctx, list, client.InNamespace(course.Namespace)); err != nil {
		return ctrl.Result{}, fmt.Errorf("list the userlands of the course: %w", err)
	}
	if course.Spec.Suspend {
		return ctrl.Result{}, r.writeStatus(ctx, course, suspended(course, health.Count(list.Items), r.Clock.Now()))
	}
	enrolled, err := r.enrol(ctx, course, list.Items)
	if errors.Is(err, kube.ErrCacheBehind) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("bring the rosters about: %w", err)
	}
	if enrolled.changed() {
		// The count is of before. The cache tells soon.
		return ctrl.Result{RequeueAfter: kube.CountDelay}, nil
	}
	templates := &v1alpha1.TemplateList{}
	if err := r.List(ctx, templates, client.InNamespace(course.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, fmt.Errorf("list the templates of the course: %w", err)
	}
	meeting := r.meet(course)
	status := statusOf(course, health.Count(list.Items), meeting, enrolled, Held(templates.Items), r.Clock.Now())
	return ctrl.Result{RequeueAfter: sooner(meeting.again, enrolled.again())}, r.writeStatus(ctx, course, status)
}

// sooner of two times to look again, of which 0 is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// ours is the part of a status that this controller writes; the rest is the
// reporter's.
func ours(s v1alpha1.CourseStatus) v1alpha1.CourseStatus {
	return v1alpha1.CourseStatus{
		ObservedGeneration: s.ObservedGeneration,
		Userlands:          s.Userlands,
		Session:            s.Session,
		Roster:             s.Roster,

		LastHandledReconcileAt: s.LastHandledReconcileAt,
		Conditions:             health.OurConditions(s.Conditions, v1alpha1.RosterValidCondition, v1alpha1.HeldCondition, v1alpha1.RolloutHeldCondition),
	}
}

// statusOf is pure.
func statusOf(c *v1alpha1.Course, counts v1alpha1.UserlandCounts, m meeting, e enrolled, held string, now time.Time) v1alpha1.CourseStatus {
	status := v1alpha1.CourseStatus{
		ObservedGeneration: c.Generation,
		Userlands:          &counts,
		Session:            m.session,
		Roster:             e.status(c.Status.Roster),

		LastHandledReconcileAt: c.Annotations[fluxmeta.ReconcileRequestAnnotation],
		Conditions:             health.ConditionsOf(c.Status.Conditions, verdict(counts, m.err, e.verdict()), c.Generation, now),
	}
	status.Conditions = append(status.Conditions, e.conditions(c, now)...)
	if held != "" {
		status.Conditions = append(status.Conditions, health.TrueCondition(c.Status.Conditions,
			v1alpha1.RolloutHeldCondition, v1alpha1.UpdatedFailingReason, held, c.Generation, now))
	}
	return status
}

// verdict is Stalled for what is wrong with the Course only: what troubles a
// carrel is said where it can be cured, and the count goes on by itself.
func verdict(counts v1alpha1.UserlandCounts, timetable error, rosters health.Verdict) health.Verdict {
	v := health.Verdict{Message: health.Summary(counts)}
	switch {
	case timetable != nil:
		return health.Verdict{Stalled: true, Reason: v1alpha1.TimetableInvalidReason, Message: timetable.Error()}
	case rosters.Reason != "":
		return rosters
	case len(counts.Attention) > 0:
		v.Reason = v1alpha1.NeedsAttentionReason
	case counts.Ready < counts.Total:
		v.Reason = v1alpha1.ProgressingReason
	default:
		v.Ready, v.Reason = true, v1alpha1.AllReadyReason
	}
	return v
}

func (r *Reconciler) writeStatus(ctx context.Context, c *v1alpha1.Course, status v1alpha1.CourseStatus) error {
	if equality.Semantic.DeepEqual(ours(c.Status), status) {
		return nil
	}
	config := v1alpha1ac.Course(c.Name, c.Namespace).
		WithUID(c.UID).
		WithStatus(v1alpha1ac.CourseStatus().
			WithObservedGeneration(status.ObservedGeneration).
			WithUserlands(v1alpha1ac.UserlandCounts().
				WithTotal(status.Userlands.Total).
				WithReady(status.Userlands.Ready).
				WithStates(status.Userlands.States).
				WithAttention(status.Userlands.Attention)).
			WithConditions(health.ConditionConfigurations(status.Conditions)...))
	if status.LastHandledReconcileAt != "" {
		config.Status.WithLastHandledReconcileAt(status.LastHandledReconcileAt)
	}
	if status.Session != nil {
		config.Status.WithSession(v1alpha1ac.SessionStatus().WithText(status.Session.Text))
	}
	if status.Roster != nil {
		config.Status.WithRoster(rosterConfiguration(status.Roster))
	}
	if err := r.Status().Apply(ctx, config, client.FieldOwner(kube.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}

// SetupWithManager makes the manager run the reconciler.
func SetupWithManager(mgr ctrl.Manager, clock clock.PassiveClock) error {
	r := &Reconciler{Client: mgr.GetClient(), Recent: kube.NewRecent(), Refused: newRefusals(clock), Tables: &kube.Timetables{}, Clock: clock}
	return ctrl.NewControllerManagedBy(mgr).
		Named("course").
		For(&v1alpha1.Course{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&v1alpha1.Userland{}, kube.EnqueueLater(courseOf)).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(courseOf)).
		Watches(&v1alpha1.Template{}, kube.EnqueueLater(courseOf), builder.WithPredicates(holdChanged)).
		Complete(r)
}

// holdChanged lets pass a Template whose roll-out is held, or goes on.
var holdChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return heldMessage(e.ObjectOld.(*v1alpha1.Template)) != heldMessage(e.ObjectNew.(*v1alpha1.Template))
	},
}

// courseOf is the Course of a namespace, which has its name.
func courseOf(_ context.Context, o client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetNamespace()}}}
}
