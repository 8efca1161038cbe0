package tree_test

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/tree"
	"github.com/carrel-dev/carrel/test/commits"
)

// repository returns a repository of two commits, of which the second changes only
// b/x.
func repository(t *testing.T) *git.Repository {
	t.Helper()
	return commits.Repository(t,
		map[string]string{"a/one.yaml": "1", "a/deep/two.yaml": "2", "a/note.txt": "n", "b/x": "x"},
		map[string]string{"b/x": "y"},
	)
}

func treeAt(t *testing.T, revision string) *tree.Tree {
	t.Helper()
	found, _, err := tree.At(repository(t), revision)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRevisions(t *testing.T) {
	now, before := treeAt(t, "HEAD"), treeAt(t, "HEAD~1")
	for name, want := range map[string]bool{"a": true, "/a/deep": true, "b": false, "": false} {
		if got := now.Hash(name) == before.Hash(name); got != want {
			t.Errorf("%q is the same in both: %v, want %v", name, got, want)
		}
	}
	if now.Hash("nowhere") != plumbing.ZeroHash {
		t.Error("what is not there has a hash")
	}
	if data, err := before.ReadFile("b/x"); string(data) != "x" || err != nil {
		t.Errorf("b/x was %q (%v)", data, err)
	}
	if _, _, err := tree.At(repository(t), "elsewhere"); !errors.Is(err, plumbing.ErrReferenceNotFound) {
		t.Errorf("a revision that is not there: %v", err)
	}
}

func TestFileSystem(t *testing.T) {
	plain := treeAt(t, "HEAD").FileSystem()
	over := plain.With("a/kustomization.yaml", []byte("first")).With("/a/kustomization.yaml", []byte("second")).With("a/one.yaml", []byte("other"))
	var walked []string
	err := over.Walk("/a", func(path string, info fs.FileInfo, err error) error {
		if err == nil && info.IsDir() && filepath.Base(path) == "deep" {
			return filepath.SkipDir
		}
		walked = append(walked, path)
		return err
	})
	if diff := cmp.Diff([]string{"/a", "/a/kustomization.yaml", "/a/note.txt", "/a/one.yaml"}, walked); diff != "" || err != nil {
		t.Errorf("walk (-want +got), %v:\n%s", err, diff)
	}
	found, err := over.Glob("/a/*.yaml")
	if diff := cmp.Diff([]string{"/a/kustomization.yaml", "/a/one.yaml"}, found); diff != "" || err != nil {
		t.Errorf("glob (-want +got), %v:\n%s", err, diff)
	}
	for name, want := range map[string]string{"a/kustomization.yaml": "second", "/a/one.yaml": "other", "a/deep/two.yaml": "2"} {
		file, err := over.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(file); string(data) != want || err != nil {
			t.Errorf("%s reads %q (%v), want %q", name, data, err, want)
		}
	}
	if data, err := plain.ReadFile("a/one.yaml"); string(data) != "1" || err != nil {
		t.Errorf("the commit below reads %q (%v)", data, err)
	}
}

func TestFileSystemRefusals(t *testing.T) {
	f := treeAt(t, "HEAD").FileSystem()
	if dir, base, err := f.CleanedAbs("a/../a/deep"); string(dir) != "/a/deep" || base != "" || err != nil {
		t.Errorf("a/../a/deep is %q %q (%v)", dir, base, err)
	}
	_, openErr := f.Open("a/nowhere")
	if !errors.Is(openErr, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", openErr)
	}
	if f.WriteFile("a/x", nil) == nil || f.Mkdir("a/x") == nil || f.RemoveAll("a") == nil {
		t.Error("a commit is written to")
	}
}
