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
	if _, err := tree.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--repository") {
		t.Errorf("no repository: %v", err)
	}
}
