package reporter

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
)

func TestRedact(t *testing.T) {
	tests := map[string]struct{ message, want string }{
		"a Template smuggled into a roster: who may not, and what": {
			message: `Template/prog1/evil dry-run failed (Forbidden): templates.carrel.dev "evil" is forbidden: User "system:serviceaccount:prog1:roster" cannot patch resource "templates" in API group "carrel.dev" in the namespace "prog1"`,
			want:    `Template/evil dry-run failed (Forbidden): the account "roster" may not write templates`,
		},
		"a Userland the API server refuses": {
			message: `Userland/prog1/koba1t dry-run failed (Invalid): Userland.carrel.dev "koba1t" is invalid: spec.user: Too long: may not be more than 256 bytes`,
			want:    `Userland dry-run failed (Invalid): spec.user: Too long: may not be more than 256 bytes`,
		},
		"the value of a refused field": {
			message: `Userland/prog1/koba1t dry-run failed (Invalid): Userland.carrel.dev "koba1t" is invalid: spec.enabled: Invalid value: "Taro \"T\" Kobayashi": spec.enabled must be of type boolean`,
			want:    `Userland dry-run failed (Invalid): spec.enabled: Invalid value: …: spec.enabled must be of type boolean`,
		},
		"the value of a refused field, not in quotes": {
			message: `spec.age: Invalid value: 17: must be more`,
			want:    `spec.age: Invalid value: …: must be more`,
		},
		"the values of a refused object": {
			message: `spec: Invalid value: {"user":"koba1t: x"}: must be less`,
			want:    `spec: Invalid value: …: must be less`,
		},
		"a rule of ours that is broken": {
			message: `Userland/prog1/koba--1t dry-run failed (Invalid): Userland.carrel.dev "koba--1t" is invalid: <nil>: Invalid value: metadata.name must not contain '--'`,
			want:    `Userland dry-run failed (Invalid): metadata.name must not contain '--'`,
		},
		"a Userland somebody may not write": {
			message: `Userland/prog1/koba1t dry-run failed (Forbidden): userlands.carrel.dev "koba1t" is forbidden: User "system:serviceaccount:prog1:templates" cannot patch resource "userlands"`,
			want:    `Userland dry-run failed (Forbidden): the account "templates" may not write userlands`,
		},
		"a file that is missing, in a directory made anew for each try": {
			message: `kustomize build failed: accumulating resources: accumulation err='accumulating resources from 'students/koba1t.yaml': open /tmp/kustomization-3857293/courses/prog1/roster/students/koba1t.yaml: no such file or directory'`,
			want:    `kustomize build failed: accumulating resources: accumulation err='accumulating resources from 'students/….yaml': open courses/prog1/roster/students/….yaml: no such file or directory'`,
		},
		"a file that is broken": {
			message: `kustomize build failed: MalformedYAMLError: yaml: line 3: did not find expected key in File: students/taro.kobayashi.yml`,
			want:    `kustomize build failed: MalformedYAMLError: yaml: line 3: did not find expected key in File: students/….yml`,
		},
		"a kustomization that is broken keeps its name": {
			message: `kustomize build failed: invalid Kustomization: yaml: line 9 in '/tmp/kustomization-1/courses/prog1/roster/kustomization.yaml'`,
			want:    `kustomize build failed: invalid Kustomization: yaml: line 9 in 'courses/prog1/roster/kustomization.yaml'`,
		},
		"two files for one student": {
			message: `kustomize build failed: may not add resource with an already registered id: Userland.v1alpha1.carrel.dev/koba1t.prog1`,
			want:    `kustomize build failed: may not add resource with an already registered id: Userland.v1alpha1.carrel.dev`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Redact(test.message)); diff != "" {
				t.Errorf("Redact (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the course is called, there is room for what is refused.
func TestRefusalFitsADescription(t *testing.T) {
	course, name := strings.Repeat("c", 63), strings.Repeat("t", 50)
	said := describeFailure(Sync{Name: "roster", Failure: Redact(`Template/` + course + `/` + name + ` dry-run failed (Forbidden): templates.carrel.dev "` + name +
		`" is forbidden: User "system:serviceaccount:` + course + `:roster" cannot patch resource "templates" in API group "carrel.dev" in the namespace "` + course + `"`)})
	if want := `the account "roster" may not write templates`; !strings.HasSuffix(said, want) {
		t.Errorf("the commit says %q, which does not end with %q", said, want)
	}
}

func TestConceal(t *testing.T) {
	names := []string{"koba1t", "taro.kobayashi@example.org", "小林"}
	tests := map[string]struct{ message, want string }{
		"a name as a word":            {"prune failed for koba1t.", "prune failed for …."},
		"a name in quotes":            {`object "koba1t" conflicts`, `object "…" conflicts`},
		"a login":                     {"user taro.kobayashi@example.org exists", "user … exists"},
		"a name in another script":    {"利用者 小林 は無効", "利用者 … は無効"},
		"part of a longer word stays": {"koba1tx is another", "koba1tx is another"},
		"no name":                     {"dry-run failed (Forbidden)", "dry-run failed (Forbidden)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Conceal(test.message, names)); diff != "" {
				t.Errorf("Conceal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShorten(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"short text stays":          {"17 of 24 ready", "17 of 24 ready"},
		"lines become one":          {"a\n\n  b\tc ", "a b c"},
		"exactly as long as may be": {strings.Repeat("机", 140), strings.Repeat("机", 140)},
		"one too many":              {strings.Repeat("机", 141), strings.Repeat("机", 139) + "…"},
		"no space before the cut":   {strings.Repeat("a", 138) + " bbb", strings.Repeat("a", 138) + "…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := shorten(test.text)
			if got != test.want {
				t.Errorf("shorten gave %q, want %q", got, test.want)
			}
			if n := utf8.RuneCountInString(got); n > forge.MaxDescription {
				t.Errorf("%d characters are more than a forge takes", n)
			}
		})
	}
}
