// Package course turns the rosters of a Course into Userlands and writes how the
// class is doing. It observes and acts; package enrolment decides.
package course

import (
	"context"
	"errors"
	"sync"

	"github.com/fluxcd/pkg/runtime/predicates"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/health"
)

var (
	courseKind   = v1alpha1.SchemeGroupVersion.WithKind("Course")
	userlandKind = v1alpha1.SchemeGroupVersion.WithKind("Userland")
)

// concurrentCourses bounds the Courses that are reconciled at once, so that a roster
// of thousands of rows delays no other class.
const concurrentCourses = 4

// Reconciler reconciles Courses.
type Reconciler struct {
	client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Recent knows whether the cache is behind our own writes.
	Recent *kube.Recent
	// Shard is the part of the Courses seen here.
	Shard kube.Shard
	// Tables holds the timetables of the classes.
	Tables *kube.Timetables
	// Clock returns the time.
	Clock clock.PassiveClock

	attempts attempts
	// gathered holds, by Course, the shard in which all its Userlands were.
	gathered sync.Map
}

// +kubebuilder:rbac:groups=carrel.dev,resources=courses;userlands;templates,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=courses/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=resourcequotas,verbs=list
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=userlands,verbs=create;patch;delete

// Reconcile makes Userlands of the rosters of a Course, and counts all that the
// course has.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	world, err := r.observe(ctx, req.NamespacedName)
	switch {
	case errors.Is(err, kube.ErrCacheBehind):
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	case err != nil || world.Course == nil:
		return ctrl.Result{}, err
	}
	if moves := enrolment.Moves(world); len(moves) > 0 {
		if world.Unread = r.move(ctx, moves); world.Unread == nil {
			return ctrl.Result{RequeueAfter: kube.CountDelay}, nil
		}
	}
	decision := enrolment.DecideCourse(world)
	if decision.Due() {
		if r.behind(world.Course, decision.Plan) {
			return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
		}
		decision.Tried = r.write(ctx, world.Course, decision)
	}
	status := decision.Status()
	if line := decision.LogLine(status); line != nil {
		log.FromContext(ctx).Info("Decided", line...)
	}
	if err := r.writeStatus(ctx, world.Course, status); err != nil {
		return kube.Retry(err)
	}
	return kube.Requeue(decision.Next(), world.Now, decision.Unavailable())
}

// SetupWithManager makes the manager run the reconciler.
func SetupWithManager(mgr ctrl.Manager, part kube.Shard, clock clock.PassiveClock) error {
	r := &Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recent: kube.NewRecent(), Shard: part, Tables: &kube.Timetables{}, Clock: clock}
	return ctrl.NewControllerManagedBy(mgr).
		Named("course").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrentCourses,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](health.RetryFirst, health.RetryLast),
		}).
		For(&v1alpha1.Course{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&v1alpha1.Userland{}, kube.EnqueueLater(kube.CountDelay, kube.CourseOf)).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(kube.CourseOf)).
		Watches(&v1alpha1.Template{}, kube.EnqueueLater(kube.CountDelay, kube.CourseOf), builder.WithPredicates(holdChanged)).
		Complete(r)
}

// holdChanged admits updates of Templates whose roll-out is held now, or no
// longer, or for another reason.
var holdChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return enrolment.HeldRollout(e.ObjectOld.(*v1alpha1.Template)) != enrolment.HeldRollout(e.ObjectNew.(*v1alpha1.Template))
	},
}
