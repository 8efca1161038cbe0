package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/gitops/ci"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

const rosterFile = "courses/prog1/roster/roster.csv"

// cloned returns a repository with the overlays of this one, on the branch main.
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

// TestPlanCountsOverDays checks that the guard counts what former commits removed, by
// their times.
func TestPlanCountsOverDays(t *testing.T) {
	dir, commit := cloned(t)
	repository, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		rewrite(t, dir, rosterFile, func(text string) string {
			lines := strings.SplitAfter(text, "\n")
			return strings.Join(append(lines[:1], lines[21:]...), "")
		})
		commit("drop 20")
		rewrite(t, dir, "courses/README.md", func(text string) string { return text + "\nmore\n" })
		commit("something else")
	}
	committed := time.Unix(1790000000, 0)
	for _, test := range []struct {
		days int
		want []plan.Held
	}{
		{1, []plan.Held{{Removals: 20, Before: 20, Of: 300}}},
		{9, nil},
	} {
		plans, err := plansFor(t, repository, "HEAD~2", committed.AddDate(0, 0, test.days))
		if err != nil || len(plans) != 1 {
			t.Fatalf("%d plans, %v", len(plans), err)
		}
		if diff := cmp.Diff(test.want, plans[0].Held, cmpopts.IgnoreFields(plan.Held{}, "Confirm")); diff != "" {
			t.Errorf("held after %d days (-want +got):\n%s", test.days, diff)
		}
	}
}

// TestPlanOfReturn checks that git is asked when students who are added left the course,
// and what is kept of their work.
func TestPlanOfReturn(t *testing.T) {
	dir, commit := cloned(t)
	repository, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var dropped string
	rewrite(t, dir, rosterFile, func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		dropped = lines[2]
		return strings.Join(append(lines[:2:2], lines[3:]...), "")
	})
	commit("drop one")
	rewrite(t, dir, "courses/README.md", func(text string) string { return text + "\nmore\n" })
	commit("something else")
	rewrite(t, dir, rosterFile, func(text string) string { return text + dropped + "26t0999,Kanda Sora,a,\n" })
	commit("put the student back, with another one")
	user, _, _ := strings.Cut(dropped, ",")
	committed := time.Unix(1790000000, 0)
	for days, want := range map[int]string{3: "kept", 200: "gone", 500: ""} {
		plans, err := plansFor(t, repository, "HEAD~1", committed.AddDate(0, 0, days))
		if err != nil || len(plans) != 1 || len(plans[0].Added) != 2 {
			t.Fatalf("%d plans, %v", len(plans), err)
		}
		got := ""
		for _, back := range plans[0].Returns {
			switch {
			case back.User != user || !back.Left.Equal(committed):
				t.Errorf("after %d days %+v comes back", days, back)
			case len(back.Volumes) > 0:
				got += "kept"
			case len(back.Gone) > 0:
				got += "gone"
			}
		}
		if got != want {
			t.Errorf("after %d days the work is %q, want %q: %+v", days, got, want, plans[0].Returns)
		}
	}
}

// plansFor returns the plans of merging HEAD.
func plansFor(t *testing.T, repository *git.Repository, base string, now time.Time) ([]plan.Plan, error) {
	t.Helper()
	merge, err := ci.Open(repository, base, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return merge.Plans(t.Context(), "campus", now)
}

// TestTwoRequestsOfOneStudent checks that the second of two requests which add the same
// student is refused once the first is merged, though git merges it cleanly.
func TestTwoRequestsOfOneStudent(t *testing.T) { //nolint:gocyclo // One story, told in order.
	dir, commit := cloned(t)
	gitIn := func(arguments ...string) {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org"}, arguments...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", arguments, err, out)
		}
	}
	insert := func(after string) {
		rewrite(t, dir, rosterFile, func(text string) string {
			return strings.Replace(text, after+",", "26t0999,Kanda Sora,a,\n"+after+",", 1)
		})
		commit("add " + after)
	}
	insert("26t0010")
	gitIn("checkout", "--quiet", "-b", "second", "main")
	insert("26t0200")
	if out, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus"); err != nil || !strings.Contains(out, "1 added") {
		t.Fatalf("before the first is merged: %v\n%s", err, out)
	}
	gitIn("branch", "--force", "main", "change")
	out, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus")
	if !errors.Is(err, errRefused) || !strings.Contains(out, "the same user and template as") {
		t.Errorf("after the first is merged: %v\n%s", err, out)
	}
	repository, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fork, err := repository.ResolveRevision("main~1")
	if err != nil {
		t.Fatal(err)
	}
	gitIn("update-ref", "refs/remotes/origin/main", "main")
	pipeline := func(request forge.MergeRequest, environment map[string]string) ci.Report {
		t.Helper()
		report, err := checkRequest(t.Context(), dir, "campus", func(name string) string { return environment[name] }, request, time.Unix(1790000000, 0))
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	request := forge.MergeRequest{Base: fork.String(), Head: "second"}
	if report := pipeline(request, map[string]string{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}); !report.Refused() || len(report.Findings) == 0 {
		t.Errorf("the pipeline names the target as it was: %+v", report)
	}
	// A merge train holds the request before this one, which is not in main yet.
	gitIn("branch", "--force", "main", fork.String())
	gitIn("update-ref", "refs/remotes/origin/main", "main")
	gitIn("checkout", "--quiet", "-b", "train", "change")
	gitIn("merge", "--quiet", "--no-edit", "second")
	train, err := repository.ResolveRevision("train")
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_COMMIT_SHA": train.String()}
	if report := pipeline(request, environment); report.Refused() {
		t.Errorf("beside the train, the request is refused: %+v", report)
	}
	environment["CI_MERGE_REQUEST_EVENT_TYPE"] = "merge_train"
	if report := pipeline(request, environment); !report.Refused() || len(report.Findings) == 0 {
		t.Errorf("in the train, the request is not refused: %+v", report)
	}
	// GitHub names the merge of the whole group.
	if report := pipeline(forge.MergeRequest{Base: "change", Head: "train"}, nil); !report.Refused() {
		t.Errorf("in the queue, the request is not refused: %+v", report)
	}
	gitIn("checkout", "--quiet", "second")
	gitIn("branch", "--force", "main", "change")
	rewrite(t, dir, rosterFile, func(text string) string { return strings.Replace(text, "26t0010,", "26t9910,", 1) })
	commit("change a line that main changed")
	if _, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus"); err == nil || !strings.Contains(err.Error(), "both sides changed the same lines of "+rosterFile) {
		t.Errorf("a conflict: %v", err)
	}
}

func TestPlanSaysWhatItNeeds(t *testing.T) {
	dir, commit := cloned(t)
	for want, arguments := range map[string][]string{
		"name a cluster, such as --cluster=campus: there are campus, local":                         {},
		"no such directory in clusters":                                                             {"--cluster", "moon"},
		"--output html is not known":                                                                {"--cluster", "campus", "--output", "html"},
		`there is no branch, tag or commit called "elsewhere"; there are the branches change, main`: {"--cluster", "campus", "--base", "elsewhere"},
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
	if out, err := carrel(t, "plan", "--repository", dir, "--cluster", "campus", "--head", "main"); err != nil || out != "no course changes; what is not committed is not looked at (carrel check looks at it)\n" {
		t.Errorf("main into main: %q, %v", out, err)
	}
}

// TestShallowClone checks that the error for a clone without all commits says how
// to get them.
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

// TestPlanOfWhatChanged checks that rendering only the courses that differ gives
// the same plans as rendering all.
func TestPlanOfWhatChanged(t *testing.T) {
	dir, commit := cloned(t)
	repository, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(file, was, is string) func() {
		return func() {
			rewrite(t, dir, file, func(text string) string {
				if !strings.Contains(text, was) {
					t.Fatalf("%s has no %q", file, was)
				}
				return strings.Replace(text, was, is, 1)
			})
		}
	}
	for _, test := range []struct {
		name string
		edit func()
		// courses is the number of courses that change.
		courses int
	}{
		{"a row", replace(rosterFile, "26t0001,", "26t9001,"), 1},
		{"a base of Templates", replace("courses/base/code-server/template.yaml", "containers:\n", "terminationGracePeriodSeconds: 7\n      containers:\n"), 1},
		{"a quota", replace("clusters/campus/courses/prog1/kustomization.yaml", `value: "120"`, `value: "90"`), 0},
		{"the component of all courses", replace("kustomize/components/course/sync.yaml", "interval: 10m", "interval: 20m"), 0},
		{"a course leaves the cluster", replace("clusters/campus/courses/kustomization.yaml", "  - database\n", ""), 1},
		{"a word nobody renders", replace("courses/README.md", "\n", "\nmore\n"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.edit()
			commit(test.name)
			before, _, err := tree.At(repository, "HEAD~1")
			if err != nil {
				t.Fatal(err)
			}
			after, _, err := tree.At(repository, "HEAD")
			if err != nil {
				t.Fatal(err)
			}
			was, is, err := class.Changed(t.Context(), before, after, "campus")
			if err != nil {
				t.Fatal(err)
			}
			got := plansOf(was, is)
			if want := plansOf(allClasses(t, before), allClasses(t, after)); cmp.Diff(want, got, cmpopts.IgnoreUnexported(plan.NeedRow{}, plan.KeptVolume{})) != "" {
				t.Errorf("(-of all +of what changed):\n%s", cmp.Diff(want, got, cmpopts.IgnoreUnexported(plan.NeedRow{}, plan.KeptVolume{})))
			}
			if len(got) != test.courses {
				t.Errorf("%d courses change, want %d: %+v", len(got), test.courses, got)
			}
		})
	}
}

func allClasses(t *testing.T, commit *tree.Tree) map[string]class.Class {
	t.Helper()
	applied, err := render.Cluster(t.Context(), commit, "campus")
	if err != nil {
		t.Fatal(err)
	}
	classes, err := class.Applied(commit, applied)
	if err != nil {
		t.Fatal(err)
	}
	return classes
}

func plansOf(was, is map[string]class.Class) (plans []plan.Plan) {
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, course := range slices.Sorted(maps.Keys(all)) {
		if p := plan.Compare(course, plan.Class{Class: was[course]}, plan.Class{Class: is[course]}, time.Unix(1790000000, 0)); p.Changes() {
			plans = append(plans, p)
		}
	}
	return plans
}
