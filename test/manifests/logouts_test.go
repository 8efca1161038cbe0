package manifests

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/gateway/logouts"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestGatewayAloneEndsLogins shows that the gateway's account writes the logins that have
// ended and nothing else of the namespace, that no other account does, the administrator
// included, and that Flux applies the manifest over the entries.
func TestGatewayAloneEndsLogins(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	manifest := object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: carrel-logouts, namespace: carrel-system}}")
	ours := as(t, gateway.Namespace, gateway.Name)
	now := time.Now()
	store := logouts.New(logouts.Patch(ours), time.Now)
	check(t, nil, func(ctx context.Context) error { return store.EndAll(ctx, "hana", now.Add(time.Hour)) })
	apply(t, admin, []*unstructured.Unstructured{manifest})
	there := &corev1.ConfigMap{}
	if err := ours.Get(t.Context(), client.ObjectKeyFromObject(manifest), there); err != nil || len(there.Data) != 1 {
		t.Fatalf("after Flux applied the manifest: %v, %v", there.Data, err)
	}
	again := logouts.New(nil, time.Now)
	again.Load(there.Data)
	if !again.Ended("hana", "any", now.Add(-time.Minute).Unix()) {
		t.Error("another replica does not read that the login has ended")
	}

	change := func(name, field string, value any) func(client.Client) func(context.Context) error {
		body, err := json.Marshal(map[string]any{field: value})
		if err != nil {
			t.Fatal(err)
		}
		return func(c client.Client) func(context.Context) error {
			return func(ctx context.Context) error {
				target := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: gateway.Namespace, Name: name}}
				return c.Patch(ctx, target, client.RawPatch(types.MergePatchType, body), client.DryRunAll)
			}
		}
	}
	patch := func(name string, data map[string]string) func(client.Client) func(context.Context) error {
		return change(name, "data", data)
	}
	apply(t, admin, []*unstructured.Unstructured{object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: another, namespace: carrel-system}}")})
	one := map[string]string{"x": "1/2"}
	many := map[string]string{}
	for i := range 8001 {
		many[fmt.Sprint("user", i)] = "1/2"
	}
	for name, tt := range map[string]struct {
		do      func(context.Context) error
		refused []string
	}{
		"the gateway, one more":          {patch(logouts.Name, one)(ours), nil},
		"the gateway, too many":          {patch(logouts.Name, many)(ours), []string{"8000 entries at most"}},
		"the gateway, another ConfigMap": {patch("another", one)(ours), []string{"forbidden"}},
		"the gateway, binary entries":    {change(logouts.Name, "binaryData", map[string]string{"x": "eA=="})(ours), []string{"no binaryData"}},
		"the gateway, for ever":          {change(logouts.Name, "immutable", true)(ours), []string{"stays mutable"}},
		"the administrator":              {patch(logouts.Name, one)(admin), []string{"gateway-logouts.carrel.dev", "only the gateway writes"}},
		"the controller":                 {patch(logouts.Name, one)(as(t, controller.Namespace, controller.Name)), []string{"forbidden"}},
		"the reporter":                   {patch(logouts.Name, one)(as(t, reporter.Namespace, reporter.Name)), []string{"forbidden"}},
		"the gateway, to delete it":      {func(ctx context.Context) error { return ours.Delete(ctx, manifest.DeepCopy(), client.DryRunAll) }, []string{"forbidden"}},
		"the gateway, to read another": {func(ctx context.Context) error {
			return ours.Get(ctx, types.NamespacedName{Namespace: gateway.Namespace, Name: "another"}, &corev1.ConfigMap{})
		}, []string{"forbidden"}},
		"the gateway, to list the others": {func(ctx context.Context) error {
			return ours.List(ctx, &corev1.ConfigMapList{}, client.InNamespace(gateway.Namespace))
		}, []string{"forbidden"}},
		"the gateway, to list its own": {func(ctx context.Context) error {
			return ours.List(ctx, &corev1.ConfigMapList{}, client.InNamespace(gateway.Namespace), client.MatchingFields{"metadata.name": logouts.Name})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) { check(t, tt.refused, tt.do) })
	}
}
