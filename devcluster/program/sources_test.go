package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABuildIsAsFarAsItsSourcesAreCompiled(t *testing.T) {
	folder := t.TempDir()
	file := func(name string, size int) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sources := measure(fmt.Sprintf("\nexample.org/big\t%s\t%s\n\nexample.org/small\t%s\n", file("a", 500), file("b", 400), file("c", 100)))
	counter := sources.counter()
	for _, step := range []struct {
		compiling string
		fraction  float64
		detail    string
	}{
		{"example.org/small", 0.1, "1 of 2 packages"},
		{"example.org/big", 1, "2 of 2 packages"},
		{"example.org/unforeseen", 1, "3 of 3 packages"},
	} {
		fraction, detail := counter.compiling(step.compiling)
		if fraction != step.fraction || detail != step.detail {
			t.Errorf("at %s: %v, %q, want %v, %q", step.compiling, fraction, detail, step.fraction, step.detail)
		}
	}
}
