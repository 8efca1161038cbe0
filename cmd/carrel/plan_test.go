package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/carrel-dev/carrel/gitops/plan"
)

const rosterFile = "courses/prog1/roster/roster.csv"

// cloned is a repository with the overlays of this one, on main.
func cloned(t *testing.T) (dir string, commit func(message string)) {
	t.Helper()
	dir = t.TempDir()
	for _, top := range []string{"clusters", "courses", "kustomize"} {
		if err := os.CopyFS(filepath.Join(dir, top), os.DirFS(filepath.Join("../..", top))); err != nil {
			t.Fatal(err)
		}
	}
	repository, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")}})
	if err != nil {
		t.Fatal(err)
	}
	commit = func(message string) {
		t.Helper()
		worktree, err := repository.Worktree()
		if err != nil {
			t.Fatal(err)
		}
		if err := worktree.AddWithOptions(&git.AddOptions{All: true}); err != nil {
			t.Fatal(err)
		}
		who := &object.Signature{Name: "teacher", Email: "teacher@example.org", When: time.Unix(1790000000, 0)}
		if _, err := worktree.Commit(message, &git.CommitOptions{Author: who, Committer: who}); err != nil {
			t.Fatal(err)
		}
	}
	commit("begin")
	worktree, err := repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := worktree.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName("change"), Create: true}); err != nil {
		t.Fatal(err)
	}
	return dir, commit
}

// rewrite changes a file below a directory.
func rewrite(t *testing.T, dir, name string, change func(string) string) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(data))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func carrel(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := newCommand()
	command.SetArgs(arguments)
	command.SetOut(&out)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPlanOfABranch(t *testing.T) {
	dir, commit := cloned(t)
	rewrite(t, dir, rosterFile, func(text string) string { return text + "26t0999,Kanda Sora,a,\n" })
	rewrite(t, dir, "courses/README.md", func(text string) string { return text + "\nmore\n" })
	commit("add")
	out, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus", "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	var plans []plan.Plan
	if err := json.Unmarshal([]byte(out), &plans); err != nil {
		t.Fatal(err)
	}
	if len(plans) != 1 || plans[0].Course != "prog1" || len(plans[0].Added) != 1 || plans[0].Added[0].User != "26t0999" || plans[0].Total != 302 {
		t.Errorf("the plan of one row more: %s", out)
	}

	rewrite(t, dir, rosterFile, func(text string) string { return strings.Join(strings.SplitAfter(text, "\n")[:101], "") })
	commit("cut")
	out, err = carrel(t, "plan", "--repository", dir, "--cluster", "campus")
	if !errors.Is(err, errRefused) || !strings.Contains(out, "would remove 200 of 300") {
		t.Errorf("a removal of most: %v\n%s", err, out)
	}
}

func TestPlanSaysWhatItNeeds(t *testing.T) {
	dir, commit := cloned(t)
	for want, arguments := range map[string][]string{
		"name a cluster with --cluster: there are [campus local]": {},
		"no such directory in clusters":                           {"--cluster", "moon"},
		"--output html is not known":                              {"--cluster", "campus", "--output", "html"},
		"there is no commit elsewhere":                            {"--cluster", "campus", "--base", "elsewhere"},
	} {
		if _, err := carrel(t, append([]string{"plan", "--repository", dir}, arguments...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("carrel plan %v: %v, want it to say %q", arguments, err, want)
		}
	}
	rewrite(t, dir, "courses/prog1/roster/kustomization.yaml", func(text string) string {
		return strings.Replace(text, "resources:\n", "resources:\n  - https://example.invalid/base\n", 1)
	})
	commit("fetch something")
	if _, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus"); err == nil || !strings.Contains(err.Error(), "remote files are refused") {
		t.Errorf("a remote base: %v", err)
	}
	if out, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus", "--head", "main"); err != nil || out != "no course changes\n" {
		t.Errorf("main into main: %q, %v", out, err)
	}
}

// A clone that lacks commits says so, and how to get them.
func TestShallowClone(t *testing.T) {
	dir, commit := cloned(t)
	rewrite(t, dir, rosterFile, func(text string) string { return text + "26t0999,Kanda Sora,a,\n" })
	commit("add")
	shallow := filepath.Join(t.TempDir(), "shallow")
	if _, err := git.PlainClone(shallow, false, &git.CloneOptions{URL: dir, Depth: 1, ReferenceName: "refs/heads/change", SingleBranch: true}); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"plan", "--repository", shallow, "--cluster", "campus"},
		{"plan", "--repository", shallow, "--cluster", "campus", "--base", "HEAD~1"},
		{"check", "--repository", shallow, "--rev", "HEAD~1"},
		{"check", "--repository", shallow, "--base", "main"},
	} {
		if _, err := carrel(t, arguments...); err == nil || !strings.Contains(err.Error(), "git fetch --unshallow") {
			t.Errorf("carrel %s: %v, want it to say how to fetch the rest", strings.Join(arguments, " "), err)
		}
	}
	if out, err := carrel(t, "check", "--repository", shallow, "--rev", "HEAD"); err != nil {
		t.Errorf("the commit that is there: %v\n%s", err, out)
	}
}
