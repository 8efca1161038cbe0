package reporter

import (
	"context"
	"fmt"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge/kinds"
)

// The reporter reads much and writes one status. Secrets are not here: a Role by
// name lets it read the one that holds the forge's token.
//
// +kubebuilder:rbac:groups=carrel.dev,resources=courses;userlands;templates,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=courses/status,verbs=get;patch
// +kubebuilder:rbac:groups=kustomize.toolkit.fluxcd.io,resources=kustomizations,verbs=get;list;watch
// +kubebuilder:rbac:groups=source.toolkit.fluxcd.io,resources=gitrepositories,verbs=get;list;watch
// +kubebuilder:rbac:groups=notification.toolkit.fluxcd.io,resources=providers,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch

const (
	controllerName = "report"

	// slowestRetry bounds the wait after a failed try: a forge that comes back is
	// told everything within it.
	slowestRetry = 30 * time.Second
	fastestRetry = time.Second

	// forgeNamespace is the reporter's own, as installed. The Secrets lie there that
	// namespaces of courses name.
	forgeNamespace = "carrel-system"

	// workers is how many courses are reported on at once. They mostly wait for
	// the forge, and one that hangs must not hold up the others.
	workers = 4
)

// Options say for which cluster to report, and how.
type Options struct {
	// ClusterName tells this cluster's statuses from another's; required.
	ClusterName string
	// Gateway is the address of the gateway: https://desk.example.org. Statuses
	// lead to the board of the class there; empty: they lead nowhere.
	Gateway string
	// EventsAddress is where events go besides the API server, in the form of Flux's
	// notification-controller; empty: nowhere.
	EventsAddress string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// AddToScheme adds the kinds of Flux that the reporter reads.
func AddToScheme(scheme *runtime.Scheme) error {
	flux := runtime.NewSchemeBuilder(kustomizev1.AddToScheme, sourcev1.AddToScheme, notificationv1.AddToScheme)
	if err := flux.AddToScheme(scheme); err != nil {
		return fmt.Errorf("add the kinds of Flux: %w", err)
	}
	return nil
}

// SetupWithManager adds the reporter to a manager, whose scheme must know Carrel's
// kinds and those of AddToScheme.
func SetupWithManager(mgr ctrl.Manager, options Options) error {
	if options.ClusterName == "" {
		return fmt.Errorf("the reporter needs the name of the cluster, which is part of every status: give --cluster-name")
	}
	r := newReconciler(options)
	r.Client, r.APIReader = mgr.GetClient(), mgr.GetAPIReader()
	var err error
	if r.Recorder, err = newRecorder(mgr, options.EventsAddress); err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	missing, err := missingKind(mgr.GetRESTMapper())
	if err != nil {
		return err
	}
	if missing != "" {
		r.Fluxless = true
		mgr.GetLogger().Info("no kind of Flux is looked at, since one is not installed: restart the reporter after installing Flux", "missing", missing)
	}
	ofNamespace := handler.EnqueueRequestsFromMapFunc(courseOfNamespace)
	b := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.Course{}).
		Watches(&v1alpha1.Userland{}, ofNamespace).
		Watches(&v1alpha1.Template{}, ofNamespace)
	if !r.Fluxless {
		b = r.watchFlux(b)
	}
	if err := b.
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](fastestRetry, slowestRetry),
		}).
		Complete(r); err != nil || r.Fluxless {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(controllerName+"-above").
		For(&sourcev1.GitRepository{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&kustomizev1.Kustomization{}, handler.EnqueueRequestsFromMapFunc(sourceOfKustomization)).
		Complete(newAboveReconciler(r))
}

func (r *Reconciler) watchFlux(b *ctrl.Builder) *ctrl.Builder {
	everyCourse := handler.EnqueueRequestsFromMapFunc(r.everyCourse)
	whenSpecChanges := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return b.
		Watches(&kustomizev1.Kustomization{}, handler.EnqueueRequestsFromMapFunc(coursesOfKustomization)).
		Watches(&sourcev1.GitRepository{}, everyCourse, whenSpecChanges).
		Watches(&notificationv1.Provider{}, everyCourse, whenSpecChanges)
}

// Watched returns the kinds that the reporter watches on this cluster.
func Watched(mapper meta.RESTMapper) ([]client.Object, error) {
	kinds := []client.Object{&v1alpha1.Course{}, &v1alpha1.Userland{}, &v1alpha1.Template{}}
	missing, err := missingKind(mapper)
	if err != nil || missing != "" {
		return kinds, err
	}
	return append(kinds, &kustomizev1.Kustomization{}, &sourcev1.GitRepository{}, &notificationv1.Provider{}), nil
}

// missingKind is the first kind of Flux's that the API server does not have.
func missingKind(mapper meta.RESTMapper) (string, error) {
	for _, kind := range []schema.GroupVersionKind{
		kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind),
		sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
		notificationv1.GroupVersion.WithKind(notificationv1.ProviderKind),
	} {
		_, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if meta.IsNoMatchError(err) {
			return kind.String(), nil
		}
		if err != nil {
			return "", fmt.Errorf("ask the API server for the kinds of Flux: %w", err)
		}
	}
	return "", nil
}

func newReconciler(options Options) *Reconciler {
	r := &Reconciler{
		ClusterName: options.ClusterName, Gateway: options.Gateway,
		ForgeNamespace: forgeNamespace, Forges: kinds.All(), Now: options.Now,
		backoff: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](fastestRetry, slowestRetry),
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	return r
}

// requestFor is the course of a namespace: it bears the namespace's name.
func requestFor(namespace string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: namespace}}
}

func courseOfNamespace(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{requestFor(object.GetNamespace())}
}

// coursesOfKustomization are those it lives with and those it applied parts of.
func coursesOfKustomization(_ context.Context, object client.Object) []reconcile.Request {
	requests := []reconcile.Request{requestFor(object.GetNamespace())}
	k, ok := object.(*kustomizev1.Kustomization)
	if !ok {
		return requests
	}
	for _, entry := range inventory(k) {
		if entry.group == v1alpha1.SchemeGroupVersion.Group && entry.namespace != object.GetNamespace() {
			requests = append(requests, requestFor(entry.namespace))
		}
	}
	return requests // the handler drops what is doubled
}

func (r *Reconciler) everyCourse(ctx context.Context, _ client.Object) []reconcile.Request {
	var courses v1alpha1.CourseList
	if err := r.Client.List(ctx, &courses); err != nil {
		return nil // the cache does not fail once it is filled
	}
	requests := make([]reconcile.Request, len(courses.Items))
	for i := range courses.Items {
		requests[i] = requestFor(courses.Items[i].Namespace)
	}
	return requests
}
