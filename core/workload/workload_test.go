package workload_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestObjects makes the objects of testdata/*.in.yaml, a Userland and a Template
// each, and compares them with *.out.yaml.
func TestObjects(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("there are no inputs (error %v)", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			u, template := read(t, input)
			if faults := workload.Validate(template); len(faults) > 0 {
				t.Errorf("the Template is invalid: %v", faults)
			}
			got := objects(t, u, template)
			golden := filepath.Join("testdata", name+".out.yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the objects differ from %s (-want +got); if they should, run the test with -update:\n%s", golden, diff)
			}
		})
	}
}

func read(t *testing.T, path string) (*v1alpha1.Userland, *v1alpha1.Template) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, second, found := bytes.Cut(data, []byte("\n---\n"))
	if !found {
		t.Fatalf("%s holds no two documents", path)
	}
	u, template := &v1alpha1.Userland{}, &v1alpha1.Template{}
	if err := yaml.UnmarshalStrict(first, u); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(second, template); err != nil {
		t.Fatal(err)
	}
	return u, template
}

// planOf is a carrel that runs by the Template as it stands.
func planOf(u *v1alpha1.Userland, template *v1alpha1.Template) workload.Plan {
	plan := workload.Plan{
		Userland: u, Template: template.Name, Revision: template.Name + "-0123456789",
		Blueprint: workload.NewBlueprint(template), Run: u.Enabled(), Claims: map[string]string{},
	}
	for _, volume := range plan.Blueprint.Volumes {
		plan.Claims[volume] = workload.ClaimName(u, volume)
	}
	return plan
}

func objects(t *testing.T, u *v1alpha1.Userland, template *v1alpha1.Template) []byte {
	t.Helper()
	plan := planOf(u, template)
	deployment, err := workload.Deployment(plan)
	if err != nil {
		t.Fatal(err)
	}
	all := []any{deployment, workload.Service(plan)}
	for _, volume := range template.Spec.Volumes {
		all = append(all, workload.Claim(u, volume))
	}
	documents := make([]string, len(all))
	for i, object := range all {
		data, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		documents[i] = string(data)
	}
	return []byte("# address: " + plan.Address() + "\n" + strings.Join(documents, "---\n"))
}

// A Userland's enabled, user or Template may change, its Deployment's selector
// never can.
func TestSelectorIsStable(t *testing.T) {
	u, template := read(t, "testdata/database.in.yaml")
	before, err := workload.Deployment(planOf(u, template))
	if err != nil {
		t.Fatal(err)
	}
	u.Spec = v1alpha1.UserlandSpec{Enabled: new(false)}
	template.Name = "another"
	template.Spec.Template.Labels = map[string]string{"another": "label"}
	after, err := workload.Deployment(planOf(u, template))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Spec.Selector, after.Spec.Selector); diff != "" {
		t.Errorf("the selector changed:\n%s", diff)
	}
}

// No two carrels of a namespace may want one name.
func TestNamesDoNotCollide(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a", "21t0042", "u-21t0042", "u", "t0042"} {
		u := &v1alpha1.Userland{}
		u.Name = name
		service := workload.Plan{Userland: u}.ServiceName()
		if owner, taken := seen[service]; taken {
			t.Errorf("%s and %s both want the Service %s", owner, name, service)
		}
		seen[service] = name
		if service[0] >= '0' && service[0] <= '9' {
			t.Errorf("Service %s begins with a digit, which Kubernetes before 1.36 refuses", service)
		}
	}
}
