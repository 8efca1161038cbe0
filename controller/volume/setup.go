package volume

import (
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// concurrentCourses bounds the courses whose claims are reconciled at once. No carrel waits
// for them.
const concurrentCourses = 4

// lookDelay delays the look at a course after a carrel or a claim of it changed. A look takes
// all claims of the course, and while a class starts something changes all the time. Steps
// here are due in days. Requests of people come with the Course, which is seen sooner.
const lookDelay = 5 * time.Second

// SetupWithManager makes the manager run the reconciler. Watch is that of the Reconciler.
func SetupWithManager(mgr ctrl.Manager, part kube.Shard, clock clock.PassiveClock, watch func() string) error {
	r := &Reconciler{
		Keeper: &Keeper{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recent: kube.NewRecent(), Clock: clock,
			Events: mgr.GetEventRecorder(kube.FieldOwner),
		},
		Shard: part,
		Watch: watch,
	}
	later := kube.EnqueueLater(lookDelay, kube.CourseOf)
	return ctrl.NewControllerManagedBy(mgr).
		Named("volume").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrentCourses,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](health.RetryFirst, health.RetryLast),
		}).
		Watches(&v1alpha1.Course{}, kube.EnqueueLater(kube.CountDelay, kube.CourseOf), builder.WithPredicates(courseChanged)).
		Watches(&corev1.PersistentVolumeClaim{}, later, builder.WithPredicates(claimChanged)).
		Watches(&v1alpha1.Userland{}, later, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Template{}, later, builder.WithPredicates(volumesChanged)).
		Watches(&appsv1.Deployment{}, later, builder.WithPredicates(mountsChanged)).
		Watches(&corev1.ConfigMap{}, later).
		Complete(r)
}

// courseChanged admits what the decision rests on: the spec, whether it has taken effect,
// and people's requests.
var courseChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Course), e.ObjectNew.(*v1alpha1.Course)
		return before.UID != after.UID || before.Generation != after.Generation ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			before.Status.ObservedGeneration != after.Status.ObservedGeneration || rostersIn(before) != rostersIn(after) ||
			!equality.Semantic.DeepEqual(before.Status.Requests, after.Status.Requests)
	},
}

// rostersIn returns the status of the condition RosterValid. It is empty if the Course has
// none.
func rostersIn(c *v1alpha1.Course) metav1.ConditionStatus {
	if valid := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.RosterValidCondition); valid != nil {
		return valid.Status
	}
	return ""
}

// claimChanged admits changes of what a claim records, and of whether it has a volume.
var claimChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*corev1.PersistentVolumeClaim), e.ObjectNew.(*corev1.PersistentVolumeClaim)
		return before.UID != after.UID || before.Status.Phase != after.Status.Phase || before.Spec.VolumeName != after.Spec.VolumeName ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			!maps.Equal(before.Labels, after.Labels) || !maps.Equal(before.Annotations, after.Annotations)
	},
}

// volumesChanged admits changes of the volumes of a Template, and of the revision that
// carrels are made of.
var volumesChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Template), e.ObjectNew.(*v1alpha1.Template)
		return before.UID != after.UID || lifecycle.LatestRevision(before) != lifecycle.LatestRevision(after) ||
			!equality.Semantic.DeepEqual(before.Spec.Volumes, after.Spec.Volumes)
	},
}

// mountsChanged admits changes of the claims that a Deployment mounts.
var mountsChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*appsv1.Deployment), e.ObjectNew.(*appsv1.Deployment)
		return before.UID != after.UID || !maps.Equal(lifecycle.Mounted(before), lifecycle.Mounted(after))
	},
}
