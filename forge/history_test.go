package forge_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
)

func TestFirstParents(t *testing.T) {
	// d merges a branch that began at a; b and c are on the main branch.
	merged := map[string]string{"d": "c", "side": "a", "c": "b", "b": "a", "a": ""}
	for name, test := range map[string]struct {
		base, head string
		want       []string
		missing    bool
	}{
		"the head itself":            {base: "d", head: "d"},
		"one commit":                 {base: "c", head: "d", want: []string{"d"}},
		"past a merge":               {base: "a", head: "d", want: []string{"d", "c", "b"}},
		"a base on a merged branch":  {base: "side", head: "d", missing: true},
		"a base that is newer":       {base: "d", head: "b", missing: true},
		"a head that is not listed":  {base: "a", head: "e", missing: true},
		"a base that was forced out": {base: "x", head: "d", missing: true},
	} {
		got, err := forge.FirstParents(merged, test.base, test.head)
		if errors.Is(err, forge.ErrNotFound) != test.missing {
			t.Errorf("%s: error %v, want ErrNotFound: %v", name, err, test.missing)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFirstParentsIsBounded(t *testing.T) {
	line := map[string]string{}
	for i := range 100 {
		line[fmt.Sprint(i+1)] = fmt.Sprint(i)
	}
	if got, err := forge.FirstParents(line, "50", "100"); err != nil || len(got) != forge.MaxBetween {
		t.Errorf("%d commits between (error %v), want %d", len(got), err, forge.MaxBetween)
	}
	if _, err := forge.FirstParents(line, "49", "100"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a base %d commits back gave error %v, want ErrNotFound", forge.MaxBetween+1, err)
	}
}
