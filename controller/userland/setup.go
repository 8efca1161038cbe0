package userland

import (
	"context"
	"slices"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/volume"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

const (
	// concurrency is bounded by what one API server on a small machine bears;
	// most reconciliations make no request at all.
	concurrency = 16
	// fanOutPriority is below that of an edit to one Userland (0) and above that
	// of the first listing (-100): who edits a Template for 600 students does
	// not make the one just added wait.
	fanOutPriority = -10
	// settling is how long the events of a child are gathered. It is little next to
	// what a pod takes to start.
	settling = 50 * time.Millisecond
)

// SetupWithManager makes the manager run the reconciler. The manager's cache
// needs the indexes of kube.SetupIndexes.
func SetupWithManager(mgr ctrl.Manager, grants *kube.Grants, part kube.Shard, clock clock.PassiveClock) error {
	applier, recorder := kube.NewApplier(mgr.GetClient(), mgr.GetAPIReader()), mgr.GetEventRecorder(kube.FieldOwner)
	r := &Reconciler{
		Client: mgr.GetClient(),
		Observer: &Observer{
			Reader:     mgr.GetClient(),
			Claims:     volume.Observer{Reader: mgr.GetClient(), Live: mgr.GetAPIReader(), Recent: applier.Recent},
			Recent:     applier.Recent,
			Shard:      part,
			Timetables: &kube.Timetables{},
			Lines:      NewLines(),
			Grants:     grants,
			Prober:     NewProber(clock),
			Clock:      clock,
		},
		Applier: applier,
		Volumes: &volume.Keeper{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recent: applier.Recent, Events: recorder, Clock: clock},
		Events:  recorder,
	}
	return r.SetupWithManager(mgr)
}

// SetupWithManager makes the manager run this reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("userland").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](health.RetryFirst, health.RetryLast),
		}).
		For(&v1alpha1.Userland{}, builder.WithPredicates(called)).
		Watches(&v1alpha1.Userland{}, fanOut(r.othersOfPerson), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&appsv1.Deployment{}, settled(userlandOfLabel), r.news(deploymentKind)).
		Watches(&corev1.Service{}, settled(userlandOfLabel), r.news(serviceKind)).
		Watches(&corev1.PersistentVolumeClaim{}, settled(r.usersOfClaim), r.news(claimKind)).
		Watches(&corev1.Pod{}, settled(userlandOfLabel)).
		Watches(&storagev1.StorageClass{}, fanOut(r.everybody), builder.WithPredicates(growthChanged)).
		Watches(&appsv1.ControllerRevision{}, fanOut(r.usersOfRevision), builder.WithPredicates(created)).
		WatchesRawSource(r.Grants).
		WatchesRawSource(r.Lines).
		WatchesRawSource(r.Prober).
		Watches(&v1alpha1.Template{}, fanOut(r.usersOfTemplate), builder.WithPredicates(verdictChanged)).
		Watches(&v1alpha1.Course{}, fanOut(r.usersOfCourse), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

// news keeps back the echoes of our own writes: who wrote has judged the carrel
// by the answers, and three echoes of a new carrel's objects would have it
// looked at three times more.
func (r *Reconciler) news(kind schema.GroupVersionKind) builder.Predicates {
	return builder.WithPredicates(predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !r.Applier.Recent.Echo(kind, e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return !r.Applier.Recent.Echo(kind, e.ObjectNew) },
	})
}

// userlandOfLabel finds the Userland also of what no longer has its owner.
func userlandOfLabel(_ context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[v1alpha1.UserlandLabel]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: name}}}
}

// usersOfClaim returns the Userland that the label of a claim names, and those of the
// person whose work it is: it may count for any of them.
func (r *Reconciler) usersOfClaim(ctx context.Context, o client.Object) []reconcile.Request {
	named, owner := userlandOfLabel(ctx, o), o.GetAnnotations()[v1alpha1.UserAnnotation]
	if owner == "" {
		return named
	}
	users, err := kube.UserlandsOfPerson(ctx, r, o.GetNamespace(), owner)
	return append(named, requests(ctx, users, err)...)
}

// othersOfPerson returns the other Userlands of a user: which claims each is given may
// depend on how many there are, and on their Templates.
func (r *Reconciler) othersOfPerson(ctx context.Context, o client.Object) []reconcile.Request {
	users, err := kube.UserlandsOfPerson(ctx, r, o.GetNamespace(), o.(*v1alpha1.Userland).User())
	return slices.DeleteFunc(requests(ctx, users, err), func(other reconcile.Request) bool { return other.Name == o.GetName() })
}

func (r *Reconciler) usersOfTemplate(ctx context.Context, o client.Object) []reconcile.Request {
	users, err := kube.UserlandsOfTemplate(ctx, r, client.ObjectKeyFromObject(o))
	return requests(ctx, users, err)
}

func (r *Reconciler) everybody(ctx context.Context, _ client.Object) []reconcile.Request {
	all := &v1alpha1.UserlandList{}
	err := r.List(ctx, all, client.UnsafeDisableDeepCopy)
	return requests(ctx, all.Items, err)
}

// growthChanged lets pass a class whose volumes can grow now, or can't any more.
var growthChanged = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*storagev1.StorageClass), e.ObjectNew.(*storagev1.StorageClass)
		return !equality.Semantic.DeepEqual(before.AllowVolumeExpansion, after.AllowVolumeExpansion)
	},
}

// usersOfRevision are those of its Template. They may have been told of it
// before it was in sight.
func (r *Reconciler) usersOfRevision(ctx context.Context, o client.Object) []reconcile.Request {
	users, err := kube.UserlandsOfTemplate(ctx, r, client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetLabels()[v1alpha1.TemplateLabel]})
	return requests(ctx, users, err)
}

// usersOfCourse returns the Userlands of a Course.
func (r *Reconciler) usersOfCourse(ctx context.Context, o client.Object) []reconcile.Request {
	class, err := userlandsOf(ctx, r.Client, o.GetNamespace())
	return requests(ctx, class, err)
}

func requests(ctx context.Context, users []v1alpha1.Userland, err error) []reconcile.Request {
	if err != nil {
		// The cache answers from memory; what it can't answer is a mistake of ours.
		log.FromContext(ctx).Error(err, "find the userlands concerned")
	}
	found := make([]reconcile.Request, 0, len(users))
	for i := range users {
		found = append(found, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&users[i])})
	}
	return found
}

// verdictChanged lets pass what matters to Userlands: that there is a Template,
// or none, or a new judgement of it or of its first starts. How many use it does not.
var verdictChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Template), e.ObjectNew.(*v1alpha1.Template)
		return before.UID != after.UID ||
			before.Status.ObservedGeneration != after.Status.ObservedGeneration ||
			!equality.Semantic.DeepEqual(before.Status.Revision, after.Status.Revision) ||
			readyStatus(before) != readyStatus(after) || lifecycle.StartRefused(before) != lifecycle.StartRefused(after)
	},
}

// created lets pass what is new.
var created = predicate.Funcs{
	UpdateFunc: func(event.UpdateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

// called lets pass edits of a Userland and what people ask of it. Activity
// matters to those that do not run: the others find it when their time has come.
// One that has just gone to sleep is looked at again, since the activity that
// would have kept it may have arrived in between; one that was never opened is not.
var called = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Userland), e.ObjectNew.(*v1alpha1.Userland)
		return before.UID != after.UID || before.Generation != after.Generation ||
			before.Annotations[fluxmeta.ReconcileRequestAnnotation] != after.Annotations[fluxmeta.ReconcileRequestAnnotation] ||
			!equality.Semantic.DeepEqual(before.Status.Requests, after.Status.Requests) ||
			asleep(after) && after.Status.LastActivityTime != nil && (!asleep(before) || !before.Status.LastActivityTime.Equal(after.Status.LastActivityTime))
	},
}

func asleep(u *v1alpha1.Userland) bool { return u.Status.State == v1alpha1.StateAsleep }

func readyStatus(t *v1alpha1.Template) string {
	for _, c := range t.Status.Conditions {
		if c.Type == v1alpha1.ReadyCondition {
			return string(c.Status)
		}
	}
	return ""
}

// settled queues the Userlands that a child concerns a moment later: what becomes of a
// pod is reported in bursts, by its Deployment and itself, and one look does for each.
// What was there when the controller started comes after all else.
func settled(concerned handler.MapFunc) handler.EventHandler {
	add := func(ctx context.Context, q workQueue, priority int, objects ...client.Object) {
		for _, o := range objects {
			enqueue(q, priorityqueue.AddOpts{After: settling, Priority: &priority}, concerned(ctx, o)...)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workQueue) {
			priority := 0
			if e.IsInInitialList {
				priority = handler.LowPriority
			}
			add(ctx, q, priority, e.Object)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workQueue) { add(ctx, q, 0, e.ObjectOld, e.ObjectNew) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workQueue) { add(ctx, q, 0, e.Object) },
	}
}

// fanOut queues what one object concerns at a lower priority.
func fanOut(concerned handler.MapFunc) handler.EventHandler {
	add := func(ctx context.Context, o client.Object, q workQueue) {
		enqueue(q, priorityqueue.AddOpts{Priority: ptr.To(fanOutPriority)}, concerned(ctx, o)...)
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workQueue) { add(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workQueue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workQueue) { add(ctx, e.Object, q) },
	}
}

type workQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

func enqueue(q workQueue, how priorityqueue.AddOpts, requests ...reconcile.Request) {
	if queue, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		queue.AddWithOpts(how, requests...)
		return
	}
	for _, request := range requests {
		q.AddAfter(request, how.After)
	}
}
