package ci_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/ci"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/test/commits"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted")

var base, head = strings.Repeat("a", 40), strings.Repeat("b", 40)

// repository returns a repository of two commits: a roster of four rows, and the
// same roster with one line changed.
func repository(t *testing.T) (r *git.Repository, base, head string) {
	t.Helper()
	r = commits.Repository(t, map[string]string{"courses/prog1/roster.csv": "user,name\nu1,Sato\nu2,Ito\nu3,Abe\n", "courses/prog1/other.yaml": "a: b\n"})
	first, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	second := commits.Add(t, r, map[string]string{"courses/prog1/roster.csv": "user,name\nu1,Sato\nu3,Abe\nu4,Mori\n", "courses/database/students/hana.mori.yaml": "kind: Userland\n"})
	return r, first.Hash().String(), second.Hash.String()
}

func TestChange(t *testing.T) {
	r, base, head := repository(t)
	if got, err := ci.MergeBase(r, base, head); got != base || err != nil {
		t.Errorf("the merge base is %s (%v), want %s", got, err, base)
	}
	change, err := ci.ReadDiff(t.Context(), r, base, head)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]bool{"u1": false, "u2": true, "u3": false, "u4": true, "hana.mori": true, "Mori": true, "u": false} {
		if got := change.Names(user); got != want {
			t.Errorf("the change names %s: %v, want %v", user, got, want)
		}
	}
	if !change.Touches("courses/prog1/roster.csv") || change.Touches("courses/prog1/other.yaml") {
		t.Error("the files it touches are others")
	}
	if _, err := ci.MergeBase(r, strings.Repeat("c", 40), head); !errors.Is(err, ci.ErrShallow) {
		t.Errorf("a commit that is not there: %v, want ErrShallow", err)
	}
}

// report returns a report in which every field is set.
func report(base, head string) ci.Report {
	seat := func(user, name string) class.Student {
		return class.Student{Student: roster.Student{User: user, Name: name, Template: "ide", Enabled: true}, File: "roster.csv", Line: 2}
	}
	return ci.Report{
		Base: base, Head: head,
		Findings: []check.Finding{
			{File: "courses/prog1/roster.csv", Line: 4, Rule: "roster", Severity: check.Error, Message: "the same user | twice", Cure: "delete one"},
			{File: "courses/prog1/u9.yaml", Line: 1, Rule: "name", Severity: "warning", Message: "secret"},
		},
		Plans: []plan.Plan{{
			Course: "prog1", Total: 4, Added: []class.Student{seat("u4", "Mori"), seat("u9", "Secret")},
			Held: []plan.Held{{Removals: 3, Of: 4, Confirm: `spec.guard.confirm: "abc"`}},
		}},
	}
}

func TestReport(t *testing.T) {
	r, base, head := repository(t)
	change, err := ci.ReadDiff(t.Context(), r, base, head)
	if err != nil {
		t.Fatal(err)
	}
	quiet := report(base, head)
	quiet.Findings, quiet.Plans[0].Held = nil, nil
	wrong := ci.Report{Base: base, Head: head, Plans: []plan.Plan{{Course: "prog1", Total: 4, Problems: []string{"roster.csv line 4: no"}}}}
	failed := ci.Report{Base: base, Head: head, Failure: "kustomization.yaml: <no> such file @all"}
	for name, test := range map[string]struct {
		report ci.Report
		want   forge.Status
	}{
		"refused": {report(base, head), forge.Status{Context: "carrel/check", State: forge.Failure, Description: "1 error, and a removal that is not confirmed; see the comment on the request"}},
		"quiet":   {quiet, forge.Status{Context: "carrel/check", State: forge.Success, Description: "prog1: 2 added"}},
		"wrong":   {wrong, forge.Status{Context: "carrel/check", State: forge.Failure, Description: "1 error; see the comment on the request"}},
		"failed":  {failed, forge.Status{Context: "carrel/check", State: forge.Failure, Description: "could not be checked: kustomization.yaml: <no> such file @all; see the comment on the request"}},
		"empty":   {ci.Report{Base: base, Head: head}, forge.Status{Context: "carrel/check", State: forge.Success, Description: "no course changes"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.report.Status()); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if got, want := test.report.Refused(), test.want.State == forge.Failure; got != want {
				t.Errorf("refused: %v, want %v", got, want)
			}
			comment, err := test.report.Comment(change)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(comment, "ecret") || strings.Contains(comment, "u9") || strings.Contains(comment, "@all") {
				t.Errorf("the comment names somebody whom the change does not:\n%s", comment)
			}
			golden(t, name+".md", comment)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestReadReport checks that Read refuses a report about other commits. A report is
// the word of another step, so Read must not trust it.
func TestReadReport(t *testing.T) {
	var out bytes.Buffer
	if err := report(base, head).Write(&out); err != nil {
		t.Fatal(err)
	}
	request := forge.MergeRequest{Base: base, Head: head}
	got, err := ci.Read(bytes.NewReader(out.Bytes()), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report(base, head), got); diff != "" {
		t.Errorf("what was written is not what is read (-want +got):\n%s", diff)
	}
	request.Head = base
	if _, err := ci.Read(bytes.NewReader(out.Bytes()), request); err == nil {
		t.Error("a report about other commits is taken")
	}
	if _, err := ci.Read(strings.NewReader("{"), request); err == nil {
		t.Error("half a report is taken")
	}
}
