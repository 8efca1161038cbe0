package manifests

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestPolicies checks what no account may do, not even the cluster's administrator.
func TestPolicies(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	const long = "a-course-whose-name-is-thirty-ch" // 32 characters
	makeNamespace(t, admin, long)

	template := func(pod string) string {
		return "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: t, namespace: sandbox}, spec: {service: {ports: [{name: http, port: 80}]}, template: {spec: " + pod + "}}}"
	}
	userland := func(namespace, name string) string {
		return "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: " + name + ", namespace: " + namespace + "}}"
	}
	tests := []struct {
		name   string
		object string
		// refused lists parts of the message. Empty means that the request is
		// admitted.
		refused []string
	}{
		{name: "a Course of the namespace's name", object: course(long, long)},
		{
			name:    "a second Course",
			object:  course("sandbox", "sandbox-2"),
			refused: []string{"exactly one Course", "rename this Course from 'sandbox-2' to 'sandbox'"},
		},

		{name: "a host name of 63 characters", object: userland(long, strings.Repeat("u", 29))},
		{
			name:   "a host name of 64 characters",
			object: userland(long, strings.Repeat("u", 30)),
			refused: []string{
				"at most 63 characters", "the Userland's name has 30 and the course's 32",
				"shorten metadata.name to at most 29", "spec.user",
			},
		},

		{name: "a plain Template", object: template("{containers: [{name: a, image: i}]}")},
		{name: "a Template of the account default", object: template("{serviceAccountName: default, containers: [{name: a, image: i}]}")},
		{
			name:    "a Template of the account that writes the roster",
			object:  template("{serviceAccountName: roster, containers: [{name: a, image: i}]}"),
			refused: []string{"serviceAccountName is 'roster'", "remove the field"},
		},
		{
			name:    "the same by the field's old name",
			object:  template("{serviceAccount: roster, containers: [{name: a, image: i}]}"),
			refused: []string{"serviceAccount must not be set", "remove the field"},
		},
		{
			name:    "a Template that outranks the cluster's pods",
			object:  template("{priorityClassName: system-node-critical, containers: [{name: a, image: i}]}"),
			refused: []string{"priorityClassName is 'system-node-critical'", "remove the field"},
		},
		{
			name:   "a Template that says itself whose it is",
			object: template("{initContainers: [{name: b, image: i, env: [{name: CARREL_COURSE, value: x}]}], containers: [{name: a, image: i, env: [{name: X, value: x}, {name: CARREL_USER, value: x}]}]}"),
			refused: []string{
				"set by Carrel: remove or rename",
				"CARREL_USER of container a, CARREL_COURSE of container b",
			},
		},
		{name: "a Template that uses who it is", object: template("{containers: [{name: a, image: i, env: [{name: X, value: $(CARREL_USER)}]}]}")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, tt.refused, func(ctx context.Context) error {
				return applyOne(ctx, admin, object(t, tt.object), client.DryRunAll)
			})
		})
	}
}

// check calls do and checks the API server's answer. It must be an error that
// contains all parts of refused, or no error if refused is empty. A new role or
// policy takes a moment to become effective, so check may call do again.
func check(t *testing.T, refused []string, do func(context.Context) error) {
	t.Helper()
	var got error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		got = do(ctx)
		return (got != nil) == (len(refused) > 0), nil
	})
	if err != nil {
		t.Fatalf("got %v, want it refused: %v", got, len(refused) > 0)
	}
	for _, part := range refused {
		if !strings.Contains(got.Error(), part) {
			t.Errorf("it is refused with\n%v\nwant that to say %q", got, part)
		}
	}
}

// object parses an object written as YAML.
func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatalf("read %s: %v", text, err)
	}
	return o
}

func course(namespace, name string) string {
	return "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: " + name + ", namespace: " + namespace + "}, spec: {title: Sandbox}}"
}
