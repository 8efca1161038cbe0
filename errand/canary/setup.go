package canary

import (
	"context"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/errand/room"
)

// SetupWithManager makes the manager run the reconciler.
func SetupWithManager(mgr ctrl.Manager, shared *room.Room, clock clock.PassiveClock) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("canary").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](health.RetryFirst, health.RetryLast),
		}).
		For(&v1alpha1.Course{}, builder.WithPredicates(courseChanged)).
		Watches(&v1alpha1.Userland{}, handler.EnqueueRequestsFromMapFunc(courseOf), builder.WithPredicates(stateChanged)).
		Watches(&networkingv1.NetworkPolicy{}, handler.EnqueueRequestsFromMapFunc(courseOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(courseOf)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(courseOf)).
		Complete(&Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Room: shared, Clock: clock})
}

// courseOf enqueues the Course of a namespace. Reconciling one that does not exist, or has
// nothing to do, costs reads of the cache.
func courseOf(_ context.Context, o client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetNamespace()}}}
}

// courseChanged ignores updates that no decision rests on, such as counts.
var courseChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Course), e.ObjectNew.(*v1alpha1.Course)
		return before.Generation != after.Generation || before.UID != after.UID ||
			before.Annotations[fluxmeta.ReconcileRequestAnnotation] != after.Annotations[fluxmeta.ReconcileRequestAnnotation] ||
			!equality.Semantic.DeepEqual(before.Status.Isolation, after.Status.Isolation)
	},
}

// stateChanged ignores updates of Userlands that leave the state.
var stateChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.(*v1alpha1.Userland).Status.State != e.ObjectNew.(*v1alpha1.Userland).Status.State
	},
}
