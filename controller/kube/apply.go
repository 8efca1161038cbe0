// Package kube reads and writes objects on the API server for the controllers. It
// writes by server-side apply, and makes no request when nothing would change. It
// sets up their cache: indexes, the fields that are kept, and shards.
package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// FieldOwner is the name under which the API server records what is ours.
const FieldOwner = "carrel-controller"

// Applier brings objects to what an intent says, by server-side apply. It is safe
// for concurrent use.
type Applier struct {
	// Recent tells a cache that lags behind our own writes.
	Recent *Recent

	cached client.Client
	live   client.Reader
	types  managedfields.TypeConverter
	// settled holds, by UID, the version of an object and the intent that it was
	// last found to meet. To forget one costs a comparison.
	settled *lru.Cache
}

// settledSize bounds what an Applier remembers to a few megabytes.
const settledSize = 50_000

// NewApplier makes an Applier that reads from the cache of the first and looks at the
// API server itself through the second.
func NewApplier(cached client.Client, live client.Reader) *Applier {
	return &Applier{
		Recent: NewRecent(),
		cached: cached,
		live:   live,
		types:  applyconfigurations.NewTypeConverter(cached.Scheme()),

		settled: lru.New(settledSize),
	}
}

// Object is a pointer to a kind.
type Object[T any] interface {
	*T
	client.Object
}

// Ensure makes the object what the intent says and returns it as the API server
// has it. The object's controller must be the owner, else nothing is touched and
// the error is a *workload.ForeignError or a *workload.LeavingError. It is
// ErrCacheBehind when what the cache shows is older than what was last written.
func Ensure[T any, O Object[T]](ctx context.Context, a *Applier, owner metav1.Object, intent runtime.ApplyConfiguration) (O, error) {
	want, err := wanted(intent)
	if err != nil {
		return nil, err
	}
	found, err := get[T, O](ctx, a, want)
	if err != nil {
		return nil, err
	}
	if found == nil {
		made, inTheWay, err := create[T, O](ctx, a, want)
		if err != nil || made != nil {
			return made, err
		}
		found = inTheWay
	}
	if err := workload.MayTouch(owner, found, want.GroupVersionKind()); err != nil {
		return nil, err
	}
	return update[T, O](ctx, a, found, want)
}

// get reads from the cache; nil when it has no such object.
func get[T any, O Object[T]](ctx context.Context, a *Applier, want *unstructured.Unstructured) (O, error) {
	found := O(new(T))
	if err := a.cached.Get(ctx, client.ObjectKeyFromObject(want), found); apierrors.IsNotFound(err) {
		found = nil
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", describe(want), err)
	}
	if a.Recent.Behind(want.GroupVersionKind(), client.ObjectKeyFromObject(want), versionOf(found)) {
		return nil, ErrCacheBehind
	}
	return found, nil
}

// versionOf is empty for an object that is not there.
func versionOf[T any, O Object[T]](o O) string {
	if o == nil {
		return ""
	}
	return o.GetResourceVersion()
}

// create posts the object. A post can't take over what the cache does not see,
// as an apply would; it returns what is in the way, to be judged by its owner.
func create[T any, O Object[T]](ctx context.Context, a *Applier, want *unstructured.Unstructured) (made, inTheWay O, err error) {
	made = O(new(T))
	if err := Decode(want, made); err != nil {
		return nil, nil, err
	}
	a.Recent.Creating(want.GroupVersionKind(), client.ObjectKeyFromObject(want))
	err = a.cached.Create(ctx, made, client.FieldOwner(FieldOwner))
	if err == nil {
		a.Recent.Wrote(want.GroupVersionKind(), made)
		return made, nil, nil
	}
	a.Recent.Failed(want.GroupVersionKind(), client.ObjectKeyFromObject(want))
	if !apierrors.IsAlreadyExists(err) {
		return nil, nil, fmt.Errorf("create %s: %w", describe(want), err)
	}
	inTheWay = O(new(T))
	if err := a.live.Get(ctx, client.ObjectKeyFromObject(want), inTheWay); err != nil {
		return nil, nil, fmt.Errorf("look at the %s in the way: %w", describe(want), err)
	}
	return nil, inTheWay, nil
}

// update applies the intent unless the object already is what it says.
func update[T any, O Object[T]](ctx context.Context, a *Applier, found O, want *unstructured.Unstructured) (O, error) {
	state := found.GetResourceVersion() + "/" + want.GetAnnotations()[v1alpha1.IntentAnnotation]
	if known, _ := a.settled.Get(found.GetUID()); known == state {
		return found, nil
	}
	difference, err := a.difference(found, want)
	if err != nil {
		return nil, err
	}
	if difference == "" || found.GetAnnotations()[v1alpha1.LeftAnnotation] == digest([]byte(difference)) {
		a.settled.Add(found.GetUID(), state)
		return found, nil
	}
	if err := a.handOver(ctx, found); err != nil {
		return nil, err
	}
	result, err := apply[T, O](ctx, a, found.GetUID(), want)
	if err != nil {
		return nil, err
	}
	// What still differs, an admission webhook insists on. Fighting it would never
	// end, so the object records that it is left.
	if difference, err = a.difference(result, want); err != nil || difference == "" {
		return result, err
	}
	marked := want.DeepCopy()
	annotations := marked.GetAnnotations()
	annotations[v1alpha1.LeftAnnotation] = digest([]byte(difference))
	marked.SetAnnotations(annotations)
	return apply[T, O](ctx, a, found.GetUID(), marked)
}

// apply applies the intent to the object with the UID, and never to a namesake that
// came in its place in the meantime.
func apply[T any, O Object[T]](ctx context.Context, a *Applier, uid types.UID, want *unstructured.Unstructured) (O, error) {
	applied := want.DeepCopy()
	applied.SetUID(uid)
	if err := a.cached.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return nil, fmt.Errorf("apply %s: %w", describe(want), err)
	}
	a.Recent.Wrote(want.GroupVersionKind(), applied)
	result := O(new(T))
	return result, Decode(applied, result)
}

// describe names an object for people.
func describe(o client.Object) string {
	return fmt.Sprintf("%s %q", o.GetObjectKind().GroupVersionKind().Kind, o.GetName())
}
