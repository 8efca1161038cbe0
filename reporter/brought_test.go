package reporter

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// A carrel came with a commit if it is new, if its Template's revision is new and it takes
// that one, or if it began to fail within an hour.
func TestBrought(t *testing.T) {
	revisionAt := func(at time.Duration) Revision { return Revision{Name: "ide-2", Since: now.Add(at)} }
	runs := func(revision string) func(*v1alpha1.Userland) {
		return func(u *v1alpha1.Userland) { u.Status.Template.Revision = revision }
	}
	since := func(at time.Duration, change func(*v1alpha1.Userland)) func(*v1alpha1.Userland) {
		return func(u *v1alpha1.Userland) {
			change(u)
			u.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now.Add(at))
		}
	}
	for name, test := range map[string]struct {
		made     time.Duration
		revision Revision
		change   func(*v1alpha1.Userland)
		want     bool
	}{
		"made with it":                          {0, revisionAt(-time.Hour), runs("ide-2"), true},
		"made before":                           {-time.Second, revisionAt(-time.Hour), runs("ide-2"), false},
		"takes a revision that came with it":    {-time.Hour, revisionAt(0), runs("ide-2"), true},
		"has not started, would take it":        {-time.Hour, revisionAt(0), runs(""), true},
		"still runs the revision of before":     {-time.Hour, revisionAt(0), runs("ide-1"), false},
		"its Template has no revision yet":      {-time.Hour, Revision{}, runs(""), false},
		"began to fail with it":                 {-time.Hour, revisionAt(-time.Hour), since(0, failing), true},
		"began to fail within an hour":          {-time.Hour, revisionAt(-time.Hour), since(causedWithin-time.Second, failing), true},
		"began to fail an hour later":           {-time.Hour, revisionAt(-time.Hour), since(causedWithin, failing), false},
		"failed before":                         {-time.Hour, revisionAt(-time.Hour), since(-time.Second, failing), false},
		"began to start, and does not fail yet": {-time.Hour, revisionAt(-time.Hour), since(time.Second, starts), false},
	} {
		u := ready("koba1t", test.change)
		u.CreationTimestamp = metav1.NewTime(now.Add(test.made))
		class := Class{Revisions: map[string]Revision{"ide": test.revision}}
		if got := class.brought(&u, now.Add(time.Second/2)); got != test.want {
			t.Errorf("%s: brought is %v, want %v", name, got, test.want)
		}
		if !class.brought(&u, time.Time{}) {
			t.Errorf("%s: it is not brought by a commit whose begin is unknown", name)
		}
	}
}
