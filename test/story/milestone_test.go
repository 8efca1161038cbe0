package story

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// after is reached at the n-th look.
func after(name string, n int) Milestone {
	looks := 0
	return Milestone{Name: name, Reached: func(context.Context) (string, bool, error) {
		looks++
		return name, looks >= n, nil
	}}
}

func TestFollowTellsMilestonesAsTheyHappen(t *testing.T) {
	var got []string
	err := Follow(t.Context(), time.Now(), []Milestone{after("second", 2), after("first", 1)}, func(e Event) { got = append(got, e.Name) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"first", "second"}, got); diff != "" {
		t.Errorf("milestones told (-want +got):\n%s", diff)
	}
}

func TestFollowNamesWhatIsMissing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := Milestone{Name: "pod ready", Reached: func(context.Context) (string, bool, error) {
		cancel()
		return "", false, errors.New("image can't be pulled")
	}}
	err := Follow(ctx, time.Now(), []Milestone{after("applied", 1), stuck}, func(Event) {})
	if err == nil || !strings.Contains(err.Error(), "not reached: pod ready; instead: image can't be pulled") {
		t.Errorf("error = %v, want it to name the milestone missing and why", err)
	}
	if err != nil && strings.Contains(err.Error(), "applied") {
		t.Errorf("error = %v, names a milestone that was reached", err)
	}
}
