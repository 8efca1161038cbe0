package check

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// FuzzUserland checks that the CRD accepts every Userland for which isFine returns
// true.
func FuzzUserland(f *testing.F) {
	const head = "apiVersion: carrel.dev/v1alpha1\nkind: Userland\n"
	for _, seed := range []string{
		"metadata: {name: kai, namespace: prog1, labels: {a: b}, annotations: {carrel.dev/name: Sato Yuki}}\nspec: {user: kai@example.ac.jp, section: a, templateName: ide, enabled: false}\n",
		"metadata: {name: kai}\n", "metadata: {name: kai}\nspec: {}\n", "metadata: {name: kai}\nspec:\n", "metadata: {name: Kai}\nspec: {}\n", "metadata: {name: a--b}\nspec: {}\n",
		"metadata: {name: -a}\nspec: {}\n", "metadata: {name: kai, creationTimestamp: x}\nspec: {usr: a}\n", "metadata: {name: kai}\nspec: {user: 1, enabled: 'yes'}\n", "spec: {}\n",
		"metadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\nspec: {}\n", "metadata: {name: kai}\nspec: {section: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
		"metadata: {name: kai}\nspec: {}\nstatus: {state: 1}\n", "metadata: {name: kai, labels: {a: 1}, annotations: [a]}\nspec: {}\n",
	} {
		f.Add(head + seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := &unstructured.Unstructured{}
		if yaml.Unmarshal([]byte(text), &o.Object) != nil || o.Object == nil || !isFine(o) {
			return
		}
		if faults := validateByCRD(t.Context(), o); len(faults) > 0 {
			t.Errorf("isFine returns true, but the CRD reports %v:\n%s", faults, text)
		}
	})
}

// TestIsFine checks that valid Userlands pass, and that those just over a limit
// don't.
func TestIsFine(t *testing.T) {
	name := func(n int) string { return strings.Repeat("a", n) }
	for text, want := range map[string]bool{
		"metadata: {name: kai, namespace: prog1}\nspec: {user: kai@example.ac.jp, section: a}": true,
		"metadata: {name: " + name(50) + "}\nspec: {user: " + name(256) + "}":                  true,
		"metadata: {name: " + name(51) + "}\nspec: {}":                                         false,
		"metadata: {name: kai}\nspec: {user: " + name(257) + "}":                               false,
		"metadata: {name: kai}\nspec: {usr: kai}":                                              false,
	} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte("apiVersion: carrel.dev/v1alpha1\nkind: Userland\n"+text), &o.Object); err != nil {
			t.Fatal(err)
		}
		if got := isFine(o); got != want || want != (len(validateByCRD(t.Context(), o)) == 0) {
			t.Errorf("isFine returns %t, want %t; the CRD reports %v\n%s", got, want, validateByCRD(t.Context(), o), text)
		}
	}
}
