package conformance

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
)

func (target Target) runHistory(t *testing.T) {
	t.Run("the commits between two are listed, newest first", target.testBetween)
	t.Run("a base further back than the bound is ErrNotFound", target.testFarBase)
	t.Run("a commit lists the files that it changed", target.testChanged)
	t.Run("a merged branch is its merge commit", target.testMerge)
	t.Run("a file is read as it is in a commit", target.testContent)
}

func (target Target) testBetween(t *testing.T) {
	client := target.client(t)
	base := target.Commit(t)
	first, second := target.write(t, "a"), target.write(t, "b")
	for name, test := range map[string]struct {
		base, head string
		want       []string
	}{
		"two":  {base, second, []string{second, first}},
		"one":  {first, second, []string{second}},
		"none": {second, second, nil},
	} {
		got, err := client.Between(t.Context(), test.base, test.head)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := client.Between(t.Context(), second, first); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a base that is newer than the head gave %v, want ErrNotFound", err)
	}
}

func (target Target) testFarBase(t *testing.T) {
	client := target.client(t)
	base := target.Commit(t)
	var head string
	for i := range forge.MaxBetween {
		head = target.write(t, fmt.Sprintf("far%d", i))
	}
	between, err := client.Between(t.Context(), base, head)
	if err != nil || len(between) != forge.MaxBetween {
		t.Errorf("%d commits between (error %v), want %d", len(between), err, forge.MaxBetween)
	}
	if _, err := client.Between(t.Context(), base, target.write(t, "further")); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a base %d commits back gave %v, want ErrNotFound", forge.MaxBetween+1, err)
	}
}

func (target Target) testChanged(t *testing.T) {
	client := target.client(t)
	one, other := fmt.Sprintf("dir/one-%d", time.Now().UnixNano()), fmt.Sprintf("dir/deep/other-%d", time.Now().UnixNano())
	commit := target.Write(t, map[string]string{one: "1", other: "2"})
	got, err := client.Changed(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{other, one}, got); diff != "" {
		t.Errorf("files changed (-want +got):\n%s", diff)
	}
}

// Flux comes to the merge commit, and to no commit of the branch.
func (target Target) testMerge(t *testing.T) {
	client := target.client(t)
	base := target.Commit(t)
	var merges, paths []string
	for i := range 3 {
		path := fmt.Sprintf("dir/merged-%d-%d", i, time.Now().UnixNano())
		paths = append(paths, path)
		merges = append(merges, target.Merge(t, map[string]string{path: path}))
	}
	got, err := client.Between(t.Context(), base, merges[2])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{merges[2], merges[1], merges[0]}, got); diff != "" {
		t.Errorf("commits between (-want +got):\n%s", diff)
	}
	changed, err := client.Changed(t.Context(), merges[1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{paths[1]}, changed); diff != "" {
		t.Errorf("files changed by a merge (-want +got):\n%s", diff)
	}
}

func (target Target) testContent(t *testing.T) {
	client := target.client(t)
	path := fmt.Sprintf("dir/kustomization-%d.yaml", time.Now().UnixNano())
	before := target.Commit(t)
	commit := target.Write(t, map[string]string{path: "resources: [../base]\n"})
	content, err := client.Content(t.Context(), commit, path)
	if err != nil || string(content) != "resources: [../base]\n" {
		t.Errorf("Content = %q, %v", content, err)
	}
	if _, err := client.Content(t.Context(), before, path); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a file that was added later gave %v, want ErrNotFound", err)
	}
}

// write makes a commit with one new file.
func (target Target) write(t *testing.T, word string) string {
	t.Helper()
	return target.Write(t, map[string]string{fmt.Sprintf("%s-%d", word, time.Now().UnixNano()): word})
}
