package logouts

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// +kubebuilder:rbac:groups="",namespace=carrel-system,resources=configmaps,resourceNames=carrel-logouts,verbs=get;list;watch;patch

// Namespace and Name are those of the ConfigMap. It is part of the gateway's manifests,
// because a Role can't limit the creation of objects to a name.
const (
	Namespace = "carrel-system"
	Name      = "carrel-logouts"
)

// fieldOwner owns the entries, so that Flux leaves them alone.
const fieldOwner = client.FieldOwner("carrel-gateway")

// Patch returns the function by which a Store writes to the ConfigMap. A merge patch
// names the entries that change and no others, so replicas do not conflict.
func Patch(c client.Client) func(context.Context, map[string]*string) error {
	return func(ctx context.Context, entries map[string]*string) error {
		body, err := json.Marshal(map[string]any{"data": entries})
		if err != nil {
			return err
		}
		there := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: Name}}
		err = c.Patch(ctx, there, client.RawPatch(types.MergePatchType, body), fieldOwner)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("record a logout: the ConfigMap %s/%s is missing: apply kustomize/gateway again: %w", Namespace, Name, err)
		}
		if err != nil {
			return fmt.Errorf("record a logout: %w", err)
		}
		return nil
	}
}

// Follower loads the ConfigMap into a Store whenever it changes.
type Follower struct {
	cache   cache.Cache
	handler toolscache.ResourceEventHandlerRegistration
}

// Follow returns a Follower, which works while it runs.
func Follow(ctx context.Context, server *rest.Config, scheme *runtime.Scheme, into *Store) (*Follower, error) {
	c, err := cache.New(server, cache.Options{
		Scheme: scheme, DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{
			Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", Name)},
		}}},
	})
	if err != nil {
		return nil, fmt.Errorf("follow the logouts: %w", err)
	}
	informer, err := c.GetInformer(ctx, &corev1.ConfigMap{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("follow the logouts: %w", err)
	}
	load := func(object any) {
		if there, ok := object.(*corev1.ConfigMap); ok {
			into.Load(there.Data)
		}
	}
	handler, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: load, UpdateFunc: func(_, object any) { load(object) }})
	if err != nil {
		return nil, fmt.Errorf("follow the logouts: %w", err)
	}
	return &Follower{c, handler}, nil
}

// Run follows the ConfigMap until the context ends.
func (f *Follower) Run(ctx context.Context) error {
	if err := f.cache.Start(ctx); err != nil {
		return fmt.Errorf("follow the logouts: %w", err)
	}
	return nil
}

// Ready reports whether the ConfigMap was read.
func (f *Follower) Ready() bool { return f.handler.HasSynced() }
