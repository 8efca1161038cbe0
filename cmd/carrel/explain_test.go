package main

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestExplain checks that --explain finds a user's carrels in all courses, or in the
// one named, and reads the cluster with the scheme of the command.
func TestExplain(t *testing.T) {
	c := apiserver.Client(t)
	one, two := apiserver.Namespace(t, c), apiserver.Namespace(t, c)
	for namespace, enabled := range map[string]bool{one: true, two: false} {
		meta := metav1.ObjectMeta{Namespace: namespace, Name: namespace}
		course := &v1alpha1.Course{ObjectMeta: meta, Spec: v1alpha1.CourseSpec{TemplateName: "absent", MaxStarting: ptr.To[int32](2)}}
		if err := c.Create(t.Context(), course); err != nil {
			t.Fatal(err)
		}
		meta.Name = "ren"
		userland := &v1alpha1.Userland{ObjectMeta: meta, Spec: v1alpha1.UserlandSpec{User: "ren@example.ac.jp", Enabled: &enabled}}
		if err := c.Create(t.Context(), userland); err != nil {
			t.Fatal(err)
		}
	}
	config := kubeconfig(t)
	ofOne, ofTwo := "Carrel ren of ren@example.ac.jp in course "+one, "Carrel ren of ren@example.ac.jp in course "+two
	for _, test := range []struct {
		arguments []string
		want      []string
		not       string
	}{
		{[]string{"--explain=ren@example.ac.jp"}, []string{ofOne, ofTwo, "absent, which does not exist", "at most 2 carrels"}, "\n\n\n"},
		{[]string{two, "--explain=ren"}, []string{ofTwo, "enabled       no", "reason=TemplateNotFound", "no Deployment is made"}, ofOne},
	} {
		out, err := carrel(t, append([]string{"status", "--kubeconfig", config}, test.arguments...)...)
		if err != nil {
			t.Errorf("carrel status %v: %v", test.arguments, err)
		}
		for _, part := range test.want {
			if !strings.Contains(out, part) {
				t.Errorf("carrel status %v lacks %q:\n%s", test.arguments, part, out)
			}
		}
		if strings.Contains(out, test.not) {
			t.Errorf("carrel status %v says %q:\n%s", test.arguments, test.not, out)
		}
	}
	if _, err := carrel(t, "status", one, "--explain=nobody", "--kubeconfig", config); err == nil || !strings.Contains(err.Error(), "nobody in course "+one) {
		t.Errorf("a user who is not there: %v", err)
	}
}
