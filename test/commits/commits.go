// Package commits makes git repositories in memory for tests.
package commits

import (
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/util"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Repository returns a repository with one commit for each set of files. A commit keeps
// the files of the one before.
func Repository(t testing.TB, commits ...map[string]string) *git.Repository {
	t.Helper()
	r, err := git.Init(memory.NewStorage(), memfs.New())
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range commits {
		Add(t, r, files)
	}
	return r
}

// Add commits files, by their paths. A content that begins with "-> " is the target of a
// symbolic link.
func Add(t testing.TB, r *git.Repository, files map[string]string) *object.Commit {
	t.Helper()
	worktree, err := r.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = worktree.Filesystem.Symlink(target, path)
		} else {
			err = util.WriteFile(worktree.Filesystem, path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := worktree.Add(path); err != nil {
			t.Fatal(err)
		}
	}
	who := &object.Signature{Name: "teacher", Email: "teacher@example.org", When: time.Unix(1790000000, 0)}
	hash, err := worktree.Commit("change", &git.CommitOptions{Author: who, Committer: who})
	if err != nil {
		t.Fatal(err)
	}
	commit, err := r.CommitObject(hash)
	if err != nil {
		t.Fatal(err)
	}
	return commit
}
