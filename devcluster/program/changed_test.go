package program

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

func requiring(t *testing.T, paths ...string) *modfile.File {
	t.Helper()
	text := "module m\n"
	for _, path := range paths {
		text += "require " + path + " v1.0.0\n"
	}
	module, err := modfile.Parse("go.mod", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func TestAChangeBelongsToTheModuleWithTheLongestPath(t *testing.T) {
	module := requiring(t, "example.org/a", "example.org/a/sub", "example.org/b")
	files := fstest.MapFS{"example.org/a/sub/x.go": {}, "example.org/b/y.go": {}, "example.org/b/z.go": {}}
	got, err := changedPaths(module, files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"example.org/a/sub", "example.org/b"}, got); diff != "" {
		t.Errorf("modules that are changed (-want +got):\n%s", diff)
	}
	if _, err := changedPaths(module, fstest.MapFS{"example.org/c/x.go": {}}); err == nil || !strings.Contains(err.Error(), "example.org/c/x.go") {
		t.Errorf("a file of no module gave %v, want an error that names it", err)
	}
}

func TestAChangeOfAFileThatUpstreamDroppedIsRefused(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "main.go"), []byte("upstream's"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := overwrite(directory, fstest.MapFS{"main.go": {Data: []byte("ours")}}); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(filepath.Join(directory, "main.go")); string(content) != "ours" {
		t.Errorf("the file holds %q, want ours", content)
	}
	err := overwrite(directory, fstest.MapFS{"renamed.go": {Data: []byte("ours")}})
	if err == nil || !strings.Contains(err.Error(), "renamed.go") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

// A change of a module that is not required any more would be without effect.
func TestEveryChangeBelongsToARequiredModule(t *testing.T) {
	for _, set := range Sets() {
		wrapper, err := set.wrapper()
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(wrapper, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		module, err := modfile.Parse("go.mod", data, nil)
		if err != nil {
			t.Fatal(err)
		}
		changed := filepath.Join(wrapper, changes)
		if _, err := os.Stat(changed); err != nil {
			continue
		}
		if _, err := changedPaths(module, os.DirFS(changed)); err != nil {
			t.Errorf("%s: %v", set.Name, err)
		}
	}
}
