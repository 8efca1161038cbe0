package tree_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// gitIn runs git in a directory and returns what it prints.
func gitIn(t *testing.T, dir string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"}, arguments...)...)
	command.Dir = dir
	out, err := command.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func mustGit(t *testing.T, dir string, arguments ...string) string {
	t.Helper()
	out, err := gitIn(t, dir, arguments...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", arguments, err, out)
	}
	return out
}

// version commits exactly these files on top of a revision, as a branch.
func version(t *testing.T, dir, branch, from string, files map[string]string) {
	t.Helper()
	if from == "" {
		mustGit(t, dir, "checkout", "--quiet", "--orphan", branch)
	} else {
		mustGit(t, dir, "checkout", "--quiet", "-b", branch, from)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustGit(t, dir, "add", "--all")
	mustGit(t, dir, "commit", "--quiet", "--allow-empty", "-m", branch)
}

// contents returns all files of a tree.
func contents(t *testing.T, of *tree.Tree) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range files(t, of) {
		data, err := of.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

// TestMergeIsGits merges generated changes of two branches, and compares with git.
func TestMergeIsGits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	clean, conflicts := 0, 0
	for round := range 20 {
		dir := t.TempDir()
		mustGit(t, dir, "init", "--quiet", "--initial-branch=nothing")
		base := map[string]string{}
		for _, name := range []string{"a/roster.csv", "a/deep/b.csv", "c.yaml"} {
			base[name] = rows(0, 12)
		}
		ours, theirs := changed(random, base, "o"), changed(random, base, "t")
		version(t, dir, "base", "", base)
		version(t, dir, "ours", "base", ours)
		version(t, dir, "theirs", "base", theirs)
		repository, err := tree.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		merged, err := tree.Merge(repository, "base", "ours", "theirs")
		mustGit(t, dir, "checkout", "--quiet", "ours")
		out, refused := gitIn(t, dir, "-c", "merge.renames=false", "merge", "--quiet", "--no-edit", "-s", "recursive", "-X", "diff-algorithm=myers", "theirs")
		var conflict *tree.ConflictError
		if refused != nil {
			conflicts++
			if !errors.As(err, &conflict) {
				t.Errorf("round %d: git refuses (%s), and we say %v", round, out, err)
			}
			continue
		}
		clean++
		if err != nil {
			t.Errorf("round %d: git merges, and we say %v", round, err)
			continue
		}
		want, _, err := tree.At(repository, "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(contents(t, want), contents(t, merged)); diff != "" {
			t.Errorf("round %d (-git +ours):\n%s", round, diff)
		}
		if want.Hash("") != merged.Hash("") {
			t.Errorf("round %d: the hash of the tree is not git's", round)
		}
	}
	if clean < 3 || conflicts < 3 {
		t.Errorf("%d merges and %d conflicts, want both kinds", clean, conflicts)
	}
}

func rows(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "26t%04d,Sato\n", from+i)
	}
	return b.String()
}

// changed returns files with one or two random edits.
func changed(random *rand.Rand, base map[string]string, mark string) map[string]string {
	files := maps.Clone(base)
	for range 1 + random.IntN(2) {
		name := []string{"a/roster.csv", "a/deep/b.csv", "c.yaml"}[random.IntN(3)]
		lines := strings.SplitAfter(files[name], "\n")
		at := random.IntN(max(len(lines)-1, 1))
		switch random.IntN(5) {
		case 0:
			lines[at] = ""
		case 1:
			lines[at] = mark + lines[at]
		case 2:
			lines[at] = mark + " new,Mori\n" + lines[at]
		case 3:
			files["a/"+mark+".yaml"] = mark
		case 4:
			delete(files, name)
			continue
		}
		files[name] = strings.Join(lines, "")
	}
	return files
}
