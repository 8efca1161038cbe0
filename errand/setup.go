package errand

import (
	"context"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/errand/canary"
	"github.com/carrel-dev/carrel/errand/room"
)

// CacheOptions keep in memory the classes, and of Jobs, pods and volume claims those of
// errands only.
func CacheOptions() cache.Options {
	exists, err := labels.NewRequirement(v1alpha1.ErrandLabel, selection.Exists, nil)
	if err != nil {
		panic(err) // the key is a constant
	}
	errands := cache.ByObject{Label: labels.NewSelector().Add(*exists)}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&batchv1.Job{}: errands, &corev1.Pod{}: errands, &corev1.PersistentVolumeClaim{}: errands,
		},
		// A read of a kind nobody watches would silently begin to cache all of it.
		ReaderFailOnMissingInformer: true,
	}
}

// Watched returns the kinds that the errand process watches.
func Watched() []client.Object {
	return []client.Object{
		&v1alpha1.Template{}, &v1alpha1.Course{}, &v1alpha1.Userland{}, &batchv1.Job{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{},
		&networkingv1.NetworkPolicy{},
	}
}

// SetupWithManager makes the manager run all errands. The manager's cache needs
// CacheOptions.
func SetupWithManager(mgr ctrl.Manager, clock clock.PassiveClock) error {
	shared := &room.Room{Client: mgr.GetClient(), Live: mgr.GetAPIReader()}
	r := &Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Room: shared, Clock: clock}
	if err := r.setupWithManager(mgr); err != nil {
		return err
	}
	return canary.SetupWithManager(mgr, shared, clock)
}

func (r *Reconciler) setupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("errand").
		// One at a time, so that no two Templates take the last place for an errand.
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](health.RetryFirst, health.RetryLast),
		}).
		For(&v1alpha1.Template{}, builder.WithPredicates(templateChanged)).
		Watches(&v1alpha1.Course{}, handler.EnqueueRequestsFromMapFunc(r.templatesOfCourse), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Userland{}, handler.EnqueueRequestsFromMapFunc(r.templatesOfUserland), builder.WithPredicates(userlandChanged)).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(templateOfJob)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.templateOfPart)).
		Watches(&corev1.PersistentVolumeClaim{}, handler.EnqueueRequestsFromMapFunc(r.templateOfPart)).
		Complete(r)
}

// templateChanged ignores updates that no decision rests on, such as most counts.
var templateChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Template), e.ObjectNew.(*v1alpha1.Template)
		used := func(t *v1alpha1.Template) bool { return t.Status.Userlands != nil && t.Status.Userlands.Total > 0 }
		ready := func(t *v1alpha1.Template) bool {
			return meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ReadyCondition)
		}
		return before.Generation != after.Generation || before.UID != after.UID ||
			before.Status.ObservedGeneration != after.Status.ObservedGeneration ||
			before.Annotations[fluxmeta.ReconcileRequestAnnotation] != after.Annotations[fluxmeta.ReconcileRequestAnnotation] ||
			!equality.Semantic.DeepEqual(before.Status.Revision, after.Status.Revision) ||
			!equalTrials(before.Status.Trials, after.Status.Trials) || used(before) != used(after) || ready(before) != ready(after)
	},
}

// userlandChanged ignores updates that no decision rests on, such as activity.
var userlandChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Userland), e.ObjectNew.(*v1alpha1.Userland)
		return before.Status.State != after.Status.State || !equality.Semantic.DeepEqual(before.Status.Template, after.Status.Template)
	},
}

// templatesOfCourse enqueues all Templates of a course.
func (r *Reconciler) templatesOfCourse(ctx context.Context, o client.Object) []reconcile.Request {
	return r.templatesIn(ctx, o.GetNamespace(), func(*v1alpha1.Template) bool { return true })
}

// templatesOfUserland enqueues the Templates of a course whose trial has no outcome
// yet. A class of hundreds starts without a look at the others.
func (r *Reconciler) templatesOfUserland(ctx context.Context, o client.Object) []reconcile.Request {
	return r.templatesIn(ctx, o.GetNamespace(), func(t *v1alpha1.Template) bool {
		for _, trial := range t.Status.Trials {
			if t.Status.Revision != nil && trial.Revision == t.Status.Revision.Name {
				return trial.Outcome != v1alpha1.TrialStarted
			}
		}
		return true
	})
}

func (r *Reconciler) templatesIn(ctx context.Context, namespace string, wanted func(*v1alpha1.Template) bool) (requests []reconcile.Request) {
	list := &v1alpha1.TemplateList{}
	if err := r.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "list the templates of a course")
	}
	for i := range list.Items {
		if wanted(&list.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

// templateOfJob enqueues the Template that a Job tries. A canary tries none.
func templateOfJob(_ context.Context, o client.Object) []reconcile.Request {
	if o.GetLabels()[v1alpha1.TemplateLabel] == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetLabels()[v1alpha1.TemplateLabel]}}}
}

// templateOfPart enqueues the Template of the Job of a pod or a volume claim.
func (r *Reconciler) templateOfPart(ctx context.Context, o client.Object) []reconcile.Request {
	job := &batchv1.Job{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetLabels()[v1alpha1.ErrandLabel]}, job); err != nil {
		return nil // the Job is gone, and its pod with it
	}
	return templateOfJob(ctx, job)
}
