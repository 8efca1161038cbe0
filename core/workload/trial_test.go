package workload_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// TestTrialJob makes the Jobs that try the Templates of testdata/*.in.yaml, and compares
// them with *.trial.yaml.
func TestTrialJob(t *testing.T) {
	for _, name := range []string{"code-server", "database"} {
		t.Run(name, func(t *testing.T) {
			_, template := read(t, filepath.Join("testdata", name+".in.yaml"))
			job, err := workload.TrialJob(template, workload.TrialName(template, "r", "", 0))
			if err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(job)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".trial.yaml")
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
				t.Errorf("the Job differs from %s (-want +got); if it should, run the test with -update:\n%s", golden, diff)
			}
			for _, label := range []string{v1alpha1.UserlandLabel, v1alpha1.TemplateLabel} {
				if value, found := job.Spec.Template.Labels[label]; found {
					t.Errorf("the pod has the label %s=%s, by which students' pods are found", label, value)
				}
			}
		})
	}
}

// TestTrialNames checks that the name of a Job fits into the label that Kubernetes puts
// it into, whatever the Template's is.
func TestTrialNames(t *testing.T) {
	for _, name := range []string{"a", "v1.2", strings.Repeat("long-", 12) + "end", strings.Repeat("x", 39) + ".y"} {
		template := &v1alpha1.Template{}
		template.Name = name
		got := workload.TrialName(template, "r", "v", 1)
		if faults := validation.IsDNS1123Label(got); len(faults) > 0 {
			t.Errorf("the Job of Template %q is called %q: %v", name, got, faults)
		}
	}
}

// TestVolumesDigest checks that another size is another digest, and another order is
// not.
func TestVolumesDigest(t *testing.T) {
	_, template := read(t, filepath.Join("testdata", "code-server.in.yaml"))
	digest := func() string {
		t.Helper()
		got, err := workload.VolumesDigest(template)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	template.Spec.Volumes = append(template.Spec.Volumes, v1alpha1.Volume{Name: "more", PVCSpec: template.Spec.Volumes[0].PVCSpec})
	before := digest()
	volumes := template.Spec.Volumes
	volumes[0], volumes[len(volumes)-1] = volumes[len(volumes)-1], volumes[0]
	if digest() != before {
		t.Error("the digest depends on the order of the volumes")
	}
	volumes[0].PVCSpec.VolumeName = "other"
	if digest() == before {
		t.Error("the digest is the same for another pvcSpec")
	}
	template.Spec.Volumes = nil
	if got := digest(); got != "" {
		t.Errorf("the digest of no volumes is %q, want none", got)
	}
}
