package reporter

import (
	"context"
	"fmt"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// past is a history with two commits after the base, newest first.
type past struct {
	// contents are files by path, and changed the file that each commit changed.
	contents, changed map[string]string
	err               error
	reads             int
}

func (p *past) Between(context.Context, string, string) ([]string, error) {
	return []string{"second", "first"}, p.err
}

func (p *past) Changed(_ context.Context, commit string) ([]string, error) {
	return []string{p.changed[commit]}, p.err
}

func (p *past) Content(_ context.Context, _, path string) ([]byte, error) {
	p.reads++
	if content, there := p.contents[path]; there {
		return []byte(content), nil
	}
	return nil, forge.ErrNotFound
}

// A base of a base is part of the course, and so is a single file that is named.
func TestBasesOfBasesArePartOfTheCourse(t *testing.T) {
	contents := map[string]string{
		"courses/a/kustomization.yaml": "resources: [../../base/ide]\npatches: [{path: ../../base/patch.yaml}]\n",
		"base/ide/kustomization.yaml":  "resources: [../common]\n",
	}
	for file, want := range map[string]string{
		"base/common/template.yaml": "first", "base/patch.yaml": "first", "base/ide/x": "first", "courses/a/x": "first",
		"base/commonly/x": "", "courses/ab/x": "", "base/other.yaml": "",
	} {
		from := &past{contents: contents, changed: map[string]string{"first": file, "second": "courses/other/x"}}
		found, err := attribute(t.Context(), from, Question{Bases: []string{"base"}, Head: "second"}, Paths{Deep: []string{"courses/a"}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if found != nil {
			got = found.Commit
		}
		if got != want {
			t.Errorf("a change of %s is given to %q, want %q", file, got, want)
		}
	}
}

func TestReadsOfBasesAreBounded(t *testing.T) {
	from := &past{contents: map[string]string{}, changed: map[string]string{}}
	for i := range 100 {
		from.contents[fmt.Sprintf("base%d/kustomization.yaml", i)] = fmt.Sprintf("resources: [../base%d]\n", i+1)
	}
	if _, err := attribute(t.Context(), from, Question{Bases: []string{"base"}, Head: "second"}, Paths{Deep: []string{"base0"}}); err != nil {
		t.Fatal(err)
	}
	if from.reads != maxRead {
		t.Errorf("%d files were read, want %d", from.reads, maxRead)
	}
}

// A token that may not read the repository leaves the mark on the newest commit.
func TestHistoryThatIsNotShown(t *testing.T) {
	for _, err := range []error{forge.ErrUnauthorized, forge.ErrNotFound} {
		found, got := attribute(t.Context(), &past{err: err}, Question{Bases: []string{"base"}, Head: "second"}, Paths{})
		if found != nil || got != nil {
			t.Errorf("%v gave %+v and %v, want neither", err, found, got)
		}
	}
	down := &forge.UnavailableError{}
	if _, err := attribute(t.Context(), &past{err: down}, Question{Bases: []string{"base"}, Head: "second"}, Paths{}); err == nil {
		t.Error("a forge that is down is taken for one that shows nothing")
	}
}

// The course's own directory in the cluster's part counts, and the files beside it.
func TestPathsOfACourse(t *testing.T) {
	at := func(path string) kustomizev1.Kustomization {
		return kustomizev1.Kustomization{Spec: kustomizev1.KustomizationSpec{Path: path}}
	}
	flux := &inFlux{namespace: "prog1", kustomizations: []kustomizev1.Kustomization{at("./courses/prog1/roster")}, above: []kustomizev1.Kustomization{at("./clusters/campus/courses")}}
	paths := flux.paths()
	for file, want := range map[string]bool{
		"courses/prog1/roster/roster.csv": true, "clusters/campus/courses/prog1/quota.yaml": true, "clusters/campus/courses/kustomization.yaml": true,
		"clusters/campus/courses/prog2/quota.yaml": false, "courses/prog1/README.md": false, "clusters/campus/x.yaml": false,
	} {
		if got := paths.touched([]string{file}); got != want {
			t.Errorf("touched by %s: %v, want %v", file, got, want)
		}
	}
}

// When a commit is no longer followed, its last post may be a success.
func TestLastPostOfACommitThatIsNoLongerFollowed(t *testing.T) {
	before := &v1alpha1.ReportStatus{State: "failure", Posts: maxPosts - 1, Time: metav1.NewTime(now)}
	next := &v1alpha1.ReportStatus{State: "success"}
	if allowed, wait := mayPost(before, next, now.Add(time.Hour)); allowed || wait != watchFor-time.Hour {
		t.Errorf("after an hour: allowed %v, wait %v", allowed, wait)
	}
	if allowed, _ := mayPost(before, next, now.Add(watchFor)); !allowed {
		t.Error("after 14 days the success may not be posted")
	}
}

// The post kept for a failure is not spent on a course that Flux does not apply.
func TestWordThatFluxIsGoneHasABound(t *testing.T) {
	got := map[string]bool{}
	for name, report := range map[string]v1alpha1.ReportStatus{
		"new": {State: "success", Posts: 1}, "said": {State: "success", Posts: 1, Description: describeSyncGone("")},
		"full": {State: "success", Posts: maxPosts - 1}, "nothing posted": {}, "begun": {State: "success", Unconfirmed: true, Posts: maxPosts},
	} {
		got[name] = saysSyncGone(&report)
	}
	want := map[string]bool{"new": false, "said": true, "full": true, "nothing posted": true, "begun": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("needs no post (-want +got):\n%s", diff)
	}
}
