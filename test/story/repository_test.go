package story

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplaceCountsTheText(t *testing.T) {
	r := Repository{Dir: t.TempDir()}
	if err := r.Put("a.yaml", "tag: dev\ntag: dev\n"); err != nil {
		t.Fatal(err)
	}
	if err := r.Replace("a.yaml", 1, "tag: dev", "tag: v2"); err == nil || !strings.Contains(err.Error(), "2 times, want 1") {
		t.Errorf("a text that is there twice: error %v, want the number", err)
	}
	if err := r.Replace("a.yaml", 2, "tag: dev", "tag: v2"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(r.Dir, "a.yaml")); err != nil || string(text) != "tag: v2\ntag: v2\n" {
		t.Errorf("the file has %q (%v)", text, err)
	}
}
