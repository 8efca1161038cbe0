package reporter

import (
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// The outcome of a trial counts for the revision and the pvcSpecs that were tried. An edit
// of a pvcSpec alone makes no revision, and the former outcome says nothing about it.
func TestTrialsCountForWhatWasTried(t *testing.T) {
	template := &v1alpha1.Template{
		Spec:   v1alpha1.TemplateSpec{Volumes: []v1alpha1.Volume{{Name: "home"}}},
		Status: v1alpha1.TemplateStatus{Revision: &v1alpha1.TemplateRevision{Name: "ide-2"}},
	}
	volumes, err := workload.VolumesDigest(template)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		revision, volumes string
		counts            bool
	}{
		"this revision and these volumes": {"ide-2", volumes, true},
		"another revision":                {"ide-1", volumes, false},
		"other volumes":                   {"ide-2", "of-before", false},
	} {
		t.Run(name, func(t *testing.T) {
			template.Status.Trials = []v1alpha1.TemplateTrial{{Revision: test.revision, Volumes: test.volumes, Outcome: v1alpha1.TrialStarted}}
			if trial := revisionOf(template).Trial; (trial != nil) != test.counts {
				t.Errorf("the trial is %+v", trial)
			}
		})
	}
}
