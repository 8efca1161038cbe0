package tree_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// TestOpen checks that a bare repository can be opened, and that Open prefers the
// named repository over the one around it.
func TestOpen(t *testing.T) {
	outer := t.TempDir()
	bare := filepath.Join(outer, "courses.git")
	for directory, isBare := range map[string]bool{outer: false, bare: true} {
		if _, err := git.PlainInit(directory, isBare); err != nil {
			t.Fatal(err)
		}
	}
	for directory, isBare := range map[string]bool{outer: false, bare: true, filepath.Join(outer, ".git", "objects"): false} {
		repository, err := tree.Open(directory)
		if err != nil {
			t.Fatal(err)
		}
		config, err := repository.Config()
		if err != nil {
			t.Fatal(err)
		}
		if config.Core.IsBare != isBare {
			t.Errorf("of %s bare is %t, want %t", directory, config.Core.IsBare, isBare)
		}
	}
	if _, err := tree.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "-C") {
		t.Errorf("no repository: %v", err)
	}
}

// TestOpenOtherClones checks that a clone which shares the objects of another can be
// read, and that a format which can't be read is named with its cure.
func TestOpenOtherClones(t *testing.T) {
	from, shared, sha256 := t.TempDir(), filepath.Join(t.TempDir(), "shared"), t.TempDir()
	mustGit(t, from, "init", "--quiet", "--initial-branch=nothing")
	version(t, from, "main", "", map[string]string{"a": "1"})
	mustGit(t, from, "clone", "--quiet", "--shared", from, shared)
	repository, err := tree.Open(shared)
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := tree.At(repository, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := found.ReadFile("a"); err != nil || string(data) != "1" {
		t.Errorf("the shared file holds %q, %v", data, err)
	}
	mustGit(t, sha256, "init", "--quiet", "--object-format=sha256")
	if _, err := tree.Open(sha256); err == nil || !strings.Contains(err.Error(), "--object-format=sha1") {
		t.Errorf("a repository of SHA-256: %v", err)
	}
}

// TestPartialClone checks that the error for a file which a clone with --filter lacks
// names the cause and the cure, and that the files it has are read.
func TestPartialClone(t *testing.T) {
	from, partial := t.TempDir(), filepath.Join(t.TempDir(), "partial")
	mustGit(t, from, "init", "--quiet", "--initial-branch=nothing")
	version(t, from, "main", "", map[string]string{"a": "1", "b": strings.Repeat("2", 1000)})
	mustGit(t, from, "config", "uploadpack.allowFilter", "true")
	mustGit(t, from, "clone", "--quiet", "--no-checkout", "--filter=blob:limit=100", "file://"+from, partial)
	repository, err := tree.Open(partial)
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := tree.At(repository, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := found.ReadFile("a"); err != nil || string(data) != "1" {
		t.Errorf("the file that was fetched holds %q, %v", data, err)
	}
	if _, err := found.ReadFile("b"); err == nil || !strings.Contains(err.Error(), "git fetch --refetch --no-filter") {
		t.Errorf("the file that was not fetched: %v", err)
	}
}

// TestResolve checks that the error for a missing revision names its cause.
func TestResolve(t *testing.T) {
	dir, empty := t.TempDir(), t.TempDir()
	mustGit(t, empty, "init", "--quiet")
	mustGit(t, dir, "init", "--quiet", "--initial-branch=nothing")
	version(t, dir, "main", "", map[string]string{"a": "1"})
	mustGit(t, dir, "update-ref", "refs/remotes/origin/term", "main")
	for _, test := range []struct{ dir, revision, want string }{
		{dir, "mian", "there are the branches main, origin/term"},
		{dir, "term", "name the remote's branch, origin/term"},
		{empty, "HEAD", "the repository has no commit yet"},
	} {
		repository, err := tree.Open(test.dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Resolve(repository, test.revision); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "unshallow") {
			t.Errorf("%s: %v, want it to say %q", test.revision, err, test.want)
		}
	}
}
