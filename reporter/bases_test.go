package reporter

import (
	"context"
	"fmt"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// past is a history with two commits after the base, newest first.
type past struct {
	// contents are files by path, and changed the file that each commit changed.
	contents, changed map[string]string
	// between are the commits after the base, newest first; without any they are two.
	between []string
	err     error
	reads   int
}

func (p *past) Between(context.Context, string, string) ([]string, error) {
	if p.between != nil {
		return p.between, p.err
	}
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

// A commit that is alone has the mark. What Flux tries again has another cause if no commit
// touches the course; what it applied has not, whatever it was.
func TestAttribute(t *testing.T) {
	const own, other = "courses/a/roster.csv", "courses/b/roster.csv"
	for name, test := range map[string]struct {
		between       []string
		first, second string
		retried       bool
		want          *Attribution
	}{
		"one commit":                      {[]string{"second"}, "", other, false, &Attribution{Commit: "second"}},
		"one commit of others, a retry":   {[]string{"second"}, "", other, true, &Attribution{Foreign: true}},
		"one commit of its own, a retry":  {[]string{"second"}, "", own, true, &Attribution{Commit: "second"}},
		"two commits of its own":          {[]string{"second", "first"}, own, own, false, &Attribution{Commit: "second", Superseded: []string{"first"}}},
		"its own and one of others":       {[]string{"second", "first"}, own, other, false, &Attribution{Commit: "first"}},
		"two commits of others, a retry":  {[]string{"second", "first"}, other, other, true, &Attribution{Foreign: true}},
		"two commits of others":           {[]string{"second", "first"}, other, other, false, nil},
		"the same commit, other contents": {[]string{}, "", "", false, &Attribution{Foreign: true}},
	} {
		from := &past{between: test.between, changed: map[string]string{"first": test.first, "second": test.second}}
		got, err := attribute(t.Context(), from, Question{Bases: []string{"base"}, Head: "second", Retried: test.retried}, Paths{Deep: []string{"courses/a"}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Answers of the forge are kept, as long as they are answers, and no more than so many.
func TestAnswersOfTheForgeAreRemembered(t *testing.T) {
	var m historyMemory
	asked := 0
	ask := func(key string, err error) {
		m.get(key, func() reply {
			asked++
			return reply{err: err}
		})
	}
	for _, step := range []struct {
		key  string
		err  error
		want int
	}{{"a", nil, 1}, {"a", nil, 1}, {"gone", forge.ErrNotFound, 2}, {"gone", nil, 2}, {"down", &forge.UnavailableError{}, 3}, {"down", nil, 4}, {"down", nil, 4}} {
		if ask(step.key, step.err); asked != step.want {
			t.Errorf("the forge was asked %d times for %q, want %d", asked, step.key, step.want)
		}
	}
	for i := range 2 * maxRemembered {
		ask(fmt.Sprint(i), nil)
	}
	if len(m.answers) > maxRemembered {
		t.Errorf("%d answers are kept, want at most %d", len(m.answers), maxRemembered)
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

// The post kept for a failure is not spent on a course that Flux does not apply.
func TestWordThatFluxIsGoneHasABound(t *testing.T) {
	got := map[string]bool{}
	for name, report := range map[string]v1alpha1.ReportStatus{
		"new": {State: "success", Posts: 1}, "said": {State: "success", Posts: 1, Description: describeSyncGone("")},
		"full": {State: "success", Posts: maxPosts - 1}, "nothing posted": {}, "begun": {State: "success", Unconfirmed: true, Posts: maxPosts},
	} {
		report.Source = "flux-system/carrel"
		got[name] = saysSyncGone(&report)
	}
	got["no report"], got["no repository"] = saysSyncGone(nil), saysSyncGone(&v1alpha1.ReportStatus{State: "success", Posts: 1})
	want := map[string]bool{"new": false, "said": true, "full": true, "nothing posted": true, "begun": false, "no report": true, "no repository": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("needs no post (-want +got):\n%s", diff)
	}
}
