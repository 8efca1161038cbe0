package manifests

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

// patience bounds the wait until the API server enforces a new role or policy.
const patience = time.Minute

// syncCluster plays Flux on a cluster to which clusters/<cluster>/flux-system has
// been applied. It renders each Kustomization, applies the result as the account
// that the Kustomization names, and continues with the Kustomizations found in the
// result. It returns all applied objects.
func syncCluster(t *testing.T, cluster string) []*unstructured.Unstructured {
	t.Helper()
	repository := repository(t)
	entry, err := repository.Build(filepath.Join("clusters", cluster, "flux-system"))
	if err != nil {
		t.Fatal(err)
	}
	admin := apiserver.Client(t, flux.AddToScheme)
	makeNamespace(t, admin, "flux-system")
	apply(t, admin, entry)

	applied := entry
	waiting := kustomizations(t, entry)
	done := map[string]bool{}
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(k *kustomizev1.Kustomization) bool { return ready(k, done) })
		if next < 0 {
			t.Fatalf("Kustomization %s depends on one that clusters/%s does not have", waiting[0].Name, cluster)
		}
		k := waiting[next]
		waiting = slices.Delete(waiting, next, next+1)

		objects, err := repository.Render(k)
		if err != nil {
			t.Fatal(err)
		}
		c := admin
		if k.Spec.ServiceAccountName != "" {
			c = as(t, k.Namespace, k.Spec.ServiceAccountName)
		}
		apply(t, c, objects)
		done[k.Namespace+"/"+k.Name] = true
		applied = append(applied, objects...)
		waiting = append(waiting, kustomizations(t, objects)...)
	}
	return applied
}

// local returns the objects of clusters/local, which is synced once for all tests.
func local(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	apiserver.SkipIfShort(t)
	localOnce.Do(func() { localObjects = syncCluster(t, "local") })
	if localObjects == nil {
		t.Fatal("clusters/local could not be applied: see the first test that failed")
	}
	return localObjects
}

var (
	localOnce    sync.Once
	localObjects []*unstructured.Unstructured
)

// repository returns a copy of the directories that Flux's GitRepository would
// contain.
func repository(t *testing.T) *flux.Repository {
	t.Helper()
	r, err := flux.Copy(t.TempDir(), apiserver.Root(), "clusters", "courses", "kustomize")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ready(k *kustomizev1.Kustomization, done map[string]bool) bool {
	for _, dependency := range k.Spec.DependsOn {
		namespace := dependency.Namespace
		if namespace == "" {
			namespace = k.Namespace
		}
		if !done[namespace+"/"+dependency.Name] {
			return false
		}
	}
	return true
}

// apply applies objects, namespaces first, as Flux does. A new role takes a moment
// to become effective, so apply retries requests that are forbidden.
func apply(t *testing.T, c client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	ordered := slices.Clone(objects)
	slices.SortStableFunc(ordered, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	for _, object := range ordered {
		var refusal error
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			refusal = applyOne(ctx, c, object)
			if apierrors.IsForbidden(refusal) {
				return false, nil
			}
			return true, refusal
		})
		if err != nil {
			t.Fatalf("apply %s %s: %v", object.GetKind(), client.ObjectKeyFromObject(object), refusal)
		}
	}
}

func rank(object *unstructured.Unstructured) int {
	if object.GetKind() == "Namespace" {
		return 0
	}
	return 1
}

func applyOne(ctx context.Context, c client.Client, object *unstructured.Unstructured, options ...client.ApplyOption) error {
	options = append(options, client.FieldOwner("kustomize-controller"), client.ForceOwnership)
	return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()), options...)
}

// kustomizations returns the Flux Kustomizations among objects.
func kustomizations(t *testing.T, objects []*unstructured.Unstructured) []*kustomizev1.Kustomization {
	t.Helper()
	return typed[kustomizev1.Kustomization](t, objects, kustomizev1.KustomizationKind)
}

// typed returns the objects of a kind, converted to their type.
func typed[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) []*T {
	t.Helper()
	var list []*T
	for _, object := range objects {
		if object.GetKind() != kind {
			continue
		}
		converted := new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, converted); err != nil {
			t.Fatalf("read %s %s: %v", kind, object.GetName(), err)
		}
		list = append(list, converted)
	}
	return list
}

// as returns a client that impersonates a ServiceAccount, as Flux does, with more
// groups than it has.
func as(t *testing.T, namespace, account string, groups ...string) client.Client {
	t.Helper()
	config := apiserver.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + account, Groups: groups}
	c, err := client.New(config, client.Options{Scheme: apiserver.Scheme(flux.AddToScheme)})
	if err != nil {
		t.Fatalf("make a client for %s/%s: %v", namespace, account, err)
	}
	return c
}

func makeNamespace(t *testing.T, c client.Client, name string) {
	t.Helper()
	err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if client.IgnoreAlreadyExists(err) != nil {
		t.Fatalf("make namespace %s: %v", name, err)
	}
}
