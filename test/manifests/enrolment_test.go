package manifests

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

var gateway = types.NamespacedName{Namespace: "carrel-system", Name: "carrel-gateway"}

// TestOpenEnrolment checks that the gateway may create carrels for visitors, and
// nothing else, once the course is open in git and the cluster's administrator
// agrees.
func TestOpenEnrolment(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	open := apiserver.Namespace(t, admin)
	apply(t, admin, openEnrolment(t, open))
	apply(t, admin, []*unstructured.Unstructured{
		object(t, "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: "+open+", namespace: "+open+"}, spec: {enrolment: Open, enrolmentRules: [{claim: groups, values: [students]}]}}"),
		object(t, userlandIn(open, "there", "{user: there}")),
	})
	c := as(t, gateway.Namespace, gateway.Name)
	toCreate := func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
		return c.Create(ctx, o, client.DryRunAll)
	}
	tests := []struct {
		name    string
		do      act
		object  string
		refused []string
	}{
		{"makes a visitor's carrel", toCreate, userlandIn(open, "visitor", "{user: hanako@example.org}"), nil},
		{"not where the administrator has not agreed", toCreate, userlandIn("prog1", "visitor", "{user: hanako}"), []string{"forbidden", "cannot create"}},
		{"not of another Template", toCreate, userlandIn(open, "visitor", "{user: hanako, templateName: large}"), []string{"spec.templateName"}},
		{"not into a section", toCreate, userlandIn(open, "visitor", "{user: hanako, section: a}"), []string{"spec.section"}},
		{"not for nobody", toCreate, userlandIn(open, "visitor", "{}"), []string{"spec.user"}},
		{"not with marks of others", toCreate, "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: visitor, namespace: " + open + ", labels: {a: b}}, spec: {user: hanako}}", []string{"metadata.labels"}},
		{"does not change a carrel", toApply, userlandIn(open, "there", "{user: other}"), []string{"forbidden"}},
		{"does not remove a carrel", toDelete, userlandIn(open, "there", "{}"), []string{"forbidden"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := object(t, tt.object)
			check(t, tt.refused, func(ctx context.Context) error { return tt.do(ctx, c, o.DeepCopy()) })
		})
	}
}

func userlandIn(namespace, name, spec string) string {
	return "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: " + name + ", namespace: " + namespace + "}, spec: " + spec + "}"
}

// openEnrolment returns the objects that the component adds to a course's folder in
// a cluster. The folder contains the course's Namespace.
func openEnrolment(t *testing.T, namespace string) []*unstructured.Unstructured {
	t.Helper()
	directory := t.TempDir()
	repository, err := flux.Copy(directory, apiserver.Root(), "kustomize")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(directory, namespace), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"kustomization.yaml": "resources: [namespace.yaml]\ncomponents: [../kustomize/components/open-enrolment]\n",
		"namespace.yaml":     "{apiVersion: v1, kind: Namespace, metadata: {name: " + namespace + "}}\n",
	} {
		if err := os.WriteFile(filepath.Join(directory, namespace, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := repository.Build(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestGatewayAsksAndDoesNotImpersonate checks that the gateway may ask for the
// rights of others but not act as them. An attacker who takes over the gateway
// gains no other user's rights.
func TestGatewayAsksAndDoesNotImpersonate(t *testing.T) {
	others(t)
	c := as(t, gateway.Namespace, gateway.Name)
	for resource, want := range map[authorizationv1.ResourceAttributes]bool{
		{Verb: "create", Group: "authorization.k8s.io", Resource: "subjectaccessreviews"}:             true,
		{Verb: "impersonate", Resource: "users", Name: "teacher"}:                                     false,
		{Verb: "impersonate", Resource: "groups", Name: "system:masters"}:                             false,
		{Verb: "impersonate", Resource: "serviceaccounts", Namespace: "prog1", Name: "templates"}:     false,
		{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Namespace: "prog1"}:       false,
		{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "prog1", Name: "anything"}: false,
		{Verb: "bind", Group: "rbac.authorization.k8s.io", Resource: "clusterroles"}:                  false,
	} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &resource}}
		if err := c.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != want {
			t.Errorf("it may %s %s/%s: %v, want %v", resource.Verb, resource.Resource, resource.Subresource, review.Status.Allowed, want)
		}
	}
}
