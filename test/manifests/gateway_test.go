package manifests

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	recording "github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestGatewayBehindOthers checks the examples in which something else terminates
// TLS: no pod waits for a certificate. The API server accepts the examples except
// for the Gateway API's kind, which is not installed.
func TestGatewayBehindOthers(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	for example, kind := range map[string]string{"ingress": "Ingress", "httproute": "HTTPRoute"} {
		t.Run(example, func(t *testing.T) {
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
				Run(filesys.MakeFsOnDisk(), filepath.Join(apiserver.Root(), "examples", "gateway", example))
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[string]bool{}
			for _, resource := range built.Resources() {
				text, err := resource.AsYAML()
				if err != nil {
					t.Fatal(err)
				}
				kinds[resource.GetKind()] = true
				if resource.GetKind() == "Deployment" && strings.Contains(string(text), "/etc/carrel/tls") {
					t.Errorf("the Deployment asks for a certificate:\n%s", text)
				}
				if resource.GetKind() == "HTTPRoute" {
					continue
				}
				if err := applyOne(t.Context(), admin, object(t, string(text)), client.DryRunAll); err != nil {
					t.Errorf("%s: %v", resource.CurId(), err)
				}
			}
			if !kinds[kind] {
				t.Errorf("there is no %s", kind)
			}
		})
	}
}

// TestActivityOfTwoReplicas runs two gateway replicas, one of them with a slow
// clock. Its times are refused, and that is no error, because a later time is
// known.
func TestActivityOfTwoReplicas(t *testing.T) {
	others(t)
	admin := apiserver.Client(t)
	apply(t, admin, []*unstructured.Unstructured{object(t, userlandIn("prog1", "active", "{}"))})
	index := directory.NewIndex()
	u := &v1alpha1.Userland{}
	key := client.ObjectKey{Namespace: "prog1", Name: "active"}
	if err := admin.Get(t.Context(), key, u); err != nil {
		t.Fatal(err)
	}
	index.Put(u)
	carrel, _ := index.Carrel("prog1", "active")
	c := as(t, gateway.Namespace, gateway.Name)
	now := time.Now().Truncate(time.Second)
	for _, clock := range []time.Time{now, now.Add(-time.Minute), now.Add(time.Minute)} {
		replica := recording.New(c, index, clocktesting.NewFakeClock(clock))
		check(t, nil, func(ctx context.Context) error { return replica.Wake(ctx, carrel) })
		if err := admin.Get(t.Context(), key, u); err != nil {
			t.Fatal(err)
		}
		if want := slices.MaxFunc([]time.Time{clock, now}, time.Time.Compare); !u.Status.LastActivityTime.Time.Equal(want) {
			t.Errorf("after a write at %s the last activity is %s, want %s", clock, u.Status.LastActivityTime, want)
		}
	}
	// A time far ahead does not count as activity; the error says that the clock
	// must be set.
	ahead := recording.New(c, index, clocktesting.NewFakeClock(now.Add(time.Hour)))
	check(t, []string{"more than 5 minutes from now"}, func(ctx context.Context) error { return ahead.Wake(ctx, carrel) })
}
