package story

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
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

// never is not reached.
func never(name string, within time.Duration) Milestone {
	return Milestone{Name: name, Within: within, Reached: func(context.Context) (string, bool, error) {
		return "still asleep", false, nil
	}}
}

func TestFollowEndsWhenAMilestoneIsOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		err := Follow(t.Context(), begin, []Milestone{never("pod ready", time.Minute), never("reported", time.Hour)}, func(Event) {})
		if took := time.Since(begin); took < time.Minute || took > time.Minute+2*longestPause {
			t.Errorf("Follow ended after %s, want a minute", took)
		}
		for _, want := range []string{"pod ready: not within 1m0s", "not reached: pod ready; instead: still asleep", "not reached: reported"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want it to say %q", err, want)
			}
		}
	})
}

func TestFollowSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		_ = Follow(t.Context(), time.Now(), []Milestone{after("applied", 1), never("pod ready", 35*time.Second)}, func(e Event) {
			if e.Waiting {
				lines = append(lines, e.String())
			}
		})
		if len(lines) != 3 || !strings.Contains(lines[0], "waiting for: pod ready; instead: still asleep") {
			t.Errorf("in 35 s it says %q, want three lines that name the pod", lines)
		}
	})
}
