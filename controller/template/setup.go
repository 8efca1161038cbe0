package template

import (
	"context"

	"github.com/fluxcd/pkg/runtime/predicates"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
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
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// SetupWithManager makes the manager run the reconciler. The manager's cache
// needs the indexes of kube.SetupIndexes.
func SetupWithManager(mgr ctrl.Manager, grants *kube.Grants, part kube.Shard, clock clock.PassiveClock) error {
	r := &Reconciler{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recent: kube.NewRecent(), Grants: grants, Shard: part, Tables: &kube.Timetables{}, Clock: clock}
	specChanged := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		Named("template").
		WithOptions(controller.Options{RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](health.RetryFirst, health.RetryLast)}).
		For(&v1alpha1.Template{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{}))).
		Watches(&v1alpha1.Userland{}, kube.EnqueueLater(kube.CountDelay, r.templateOfUserland), builder.WithPredicates(counted)).
		Watches(&v1alpha1.Course{}, kube.EnqueueLater(kube.CountDelay, r.templatesOfCourse), specChanged).
		Watches(&appsv1.ControllerRevision{}, handler.EnqueueRequestsFromMapFunc(templateOfRevision), builder.WithPredicates(deleted)).
		Complete(r)
}

func (r *Reconciler) templateOfUserland(ctx context.Context, o client.Object) []reconcile.Request {
	name, err := kube.TemplateName(ctx, r, o.(*v1alpha1.Userland))
	if err != nil {
		log.FromContext(ctx).Error(err, "find the template of a userland")
	}
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: name}}}
}

func templateOfRevision(_ context.Context, o client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetLabels()[v1alpha1.TemplateLabel]}}}
}

// counted lets pass what changes a count or the course of a roll-out. That users
// are active does not.
var counted = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Userland), e.ObjectNew.(*v1alpha1.Userland)
		return before.Generation != after.Generation || before.UID != after.UID ||
			before.Status.State != after.Status.State ||
			!equality.Semantic.DeepEqual(before.Status.Template, after.Status.Template) ||
			!equality.Semantic.DeepEqual(before.Status.LastStartTime, after.Status.LastStartTime) ||
			lifecycle.UpdatePending(before) != lifecycle.UpdatePending(after)
	},
}

// deleted lets pass what is gone.
var deleted = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(event.UpdateEvent) bool { return false },
}

// templatesOfCourse are all of the namespace: which one was the default before
// is not known any more.
func (r *Reconciler) templatesOfCourse(ctx context.Context, o client.Object) []reconcile.Request {
	list := &v1alpha1.TemplateList{}
	if err := r.List(ctx, list, client.InNamespace(o.GetNamespace())); err != nil {
		log.FromContext(ctx).Error(err, "list the templates of a course")
	}
	var requests []reconcile.Request
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
