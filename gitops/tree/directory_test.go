package tree_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// directory returns a tree of files, of links, and of a submodule.
func directory(t *testing.T) *tree.Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{".git/config": "secret", "a/b.yaml": "b", "c.yaml": "c", "sub/.git": "gitdir: ../.git/modules/sub", "sub/d.yaml": "d"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"inside": "a/b.yaml", "out": "../x", "absolute": "/etc/hostname"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tree.Directory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDirectory(t *testing.T) {
	found := directory(t)
	if names, err := found.ReadDir("/"); err != nil || !slices.Equal(names, []string{"a", "c.yaml", "sub"}) {
		t.Errorf("there are %q, %v", names, err)
	}
	for name, want := range map[string]string{"a/b.yaml": "b", "/c.yaml": "c", "a/../c.yaml": "c"} {
		if data, err := found.ReadFile(name); err != nil || string(data) != want {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"inside", "out", "absolute", ".git/config", "a/none", "a", "sub/d.yaml", "sub"} {
		if data, err := found.ReadFile(name); err == nil {
			t.Errorf("%s is readable: %q", name, data)
		}
	}
	if found.Hash("a/b.yaml") == found.Hash("c.yaml") || found.Hash("c.yaml").IsZero() {
		t.Error("hashes are not those of the content")
	}
}
