package proxy

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

// install installs what a cluster has of Carrel, but for its processes.
func install(t *testing.T) {
	t.Helper()
	repository, err := flux.Copy(t.TempDir(), apiserver.Root(), "kustomize")
	if err != nil {
		t.Fatal(err)
	}
	c := apiserver.Client(t)
	for _, path := range []string{"kustomize/controller", "kustomize/access", "kustomize/policy"} {
		objects, err := repository.Build(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			if object.GetKind() != "Deployment" {
				applyOne(t, c, object)
			}
		}
	}
}

func applyAll(t *testing.T, manifests ...string) {
	t.Helper()
	c := apiserver.Client(t)
	for _, manifest := range manifests {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
			t.Fatalf("read %s: %v", manifest, err)
		}
		applyOne(t, c, object)
	}
}

func applyOne(t *testing.T, c client.Client, object *unstructured.Unstructured) {
	t.Helper()
	err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"), client.ForceOwnership)
	if err != nil {
		t.Fatalf("apply %s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

// runControllers runs them as the account they have in a cluster, until the test ends.
func runControllers(t *testing.T) {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	atOnce := time.Duration(0)
	mgr, err := ctrl.NewManager(configOf(controller), ctrl.Options{
		Scheme: apiserver.Scheme(), Cache: kube.CacheOptions(),
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		GracefulShutdownTimeout: &atOnce,
	})
	if err == nil {
		err = operator.SetupWithManager(ctx, mgr, operator.Options{Clock: clock.RealClock{}}, operator.Controllers...)
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controllers ended with %v", err)
		}
	})
}
