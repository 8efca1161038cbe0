package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// Progress is how far a carrel is on the way to the revision of its Template.
type Progress int

const (
	// ProgressIdle carrels are stopped, or not looked at yet: there is nothing to restart.
	ProgressIdle Progress = iota
	// ProgressPending ones run with an older revision.
	ProgressPending
	// ProgressStarting ones have taken the revision and are not up yet.
	ProgressStarting
	// ProgressProven ones run with it.
	ProgressProven
	// ProgressFailed ones have started with it, and fail.
	ProgressFailed
)

// RolloutCarrel is one that follows the Template, as the roll-out sees it.
type RolloutCarrel struct {
	// Name is that of the Userland.
	Name     string
	Progress Progress
	// Since is when it became ProgressPending or ProgressStarting.
	Since time.Time
	// LastUsed is when its user was last seen; zero: never.
	LastUsed time.Time
	// SessionEnd is when its user is in no session any more; zero: they are in none.
	SessionEnd time.Time
	// Trouble is why it failed, in words.
	Trouble string
}

// RolloutFacts are all that the plan of a roll-out rests on.
type RolloutFacts struct {
	// Rollout is what the Template says of it.
	Rollout v1alpha1.Rollout
	// Since is when the Template came to its revision.
	Since time.Time
	// Carrels are all that follow the Template.
	Carrels []RolloutCarrel
	// Granted reports whether a carrel was told to restart before.
	Granted func(name string) bool
	// Now is the time.
	Now time.Time
}

// RolloutPlan is what to do now for a roll-out.
type RolloutPlan struct {
	// Restart names the carrels that may restart, those told before included.
	Restart []string
	// Held says why nobody else is restarted; empty if the roll-out goes on.
	Held string
	// SessionEnd is when the first carrel can be restarted that is left alone because
	// of a session; zero: none is.
	SessionEnd time.Time
	// Next is when there may be more to do though nothing happens; zero: never.
	Next time.Time
}

// rolloutPatience is how long a carrel may be starting before it counts as failing with
// the revision. Most troubles are told much sooner; pulling a large image to a
// node that has not got it takes minutes.
const rolloutPatience = 10 * time.Minute

// defaultMaxUnavailable is that of the kind.
var defaultMaxUnavailable = intstr.FromString("10%")

// PlanRollout plans a roll-out: one carrel first, and when that runs, a few at a
// time, those least recently used first. Nobody more is restarted when one that
// started with the revision fails.
func PlanRollout(f RolloutFacts) RolloutPlan {
	f, hangs := f.impatient()
	due, next, sessionEnd := f.due()
	next = earlier(next, sessionEnd)
	if len(due) == 0 {
		return RolloutPlan{Next: next, SessionEnd: sessionEnd}
	}
	next = earlier(next, hangs)
	count := map[Progress]int{}
	var failed []RolloutCarrel
	for _, c := range f.Carrels {
		count[c.Progress]++
		if c.Progress == ProgressFailed {
			failed = append(failed, c)
		}
	}
	if len(failed) > 0 {
		return RolloutPlan{Held: held(failed, len(due)), Next: next, SessionEnd: sessionEnd}
	}
	budget := 1
	if count[ProgressProven] > 0 {
		budget = f.maxUnavailable()
	}
	return RolloutPlan{Restart: f.choose(due, budget-count[ProgressStarting]), Next: next, SessionEnd: sessionEnd}
}

// impatient takes those who have been starting for too long for what they are:
// failed if the revision is why they started, else idle, since they were so before
// it came. It returns when the next will have been.
func (f RolloutFacts) impatient() (RolloutFacts, time.Time) {
	var next time.Time
	f.Carrels = slices.Clone(f.Carrels)
	for i := range f.Carrels {
		c := &f.Carrels[i]
		if c.Progress != ProgressStarting {
			continue
		}
		switch over := c.Since.Add(rolloutPatience); {
		case over.After(f.Now):
			next = earlier(next, over)
		case c.Since.Before(f.Since):
			c.Progress = ProgressIdle
		default:
			c.Progress, c.Trouble = ProgressFailed, fmt.Sprintf("starting for more than %d minutes", int(rolloutPatience.Minutes()))
		}
	}
	return f, next
}

// due returns the carrels to restart now, when the deadline of others is over, and
// when the first session is over for which one is left alone.
func (f RolloutFacts) due() (due []RolloutCarrel, next, sessionEnd time.Time) {
	deadline, err := timetable.ParsePeriod(f.Rollout.Deadline)
	immediate := f.Rollout.When == v1alpha1.RolloutImmediate
	for _, c := range f.Carrels {
		if c.Progress != ProgressPending || err != nil && !immediate {
			continue
		}
		from := latest(f.Since, c.Since).Add(deadline)
		switch {
		case (immediate || !from.After(f.Now)) && c.SessionEnd.After(f.Now):
			sessionEnd = earlier(sessionEnd, c.SessionEnd)
		case immediate, !from.After(f.Now):
			due = append(due, c)
		case next.IsZero() || from.Before(next):
			next = from
		}
	}
	return due, next, sessionEnd
}

// choose names those told before and, as far as the budget goes, others.
func (f RolloutFacts) choose(due []RolloutCarrel, budget int) []string {
	slices.SortFunc(due, func(a, b RolloutCarrel) int {
		return cmp.Or(a.LastUsed.Compare(b.LastUsed), cmp.Compare(a.Name, b.Name))
	})
	var told, others []string
	for _, c := range due {
		if f.Granted(c.Name) {
			told = append(told, c.Name)
		} else {
			others = append(others, c.Name)
		}
	}
	budget -= len(told)
	return append(told, others[:min(max(budget, 0), len(others))]...)
}

// maxUnavailable is a number of carrels, at least one.
func (f RolloutFacts) maxUnavailable() int {
	most := defaultMaxUnavailable
	if f.Rollout.MaxUnavailable != nil {
		most = *f.Rollout.MaxUnavailable
	}
	scaled, err := intstr.GetScaledValueFromIntOrPercent(&most, len(f.Carrels), true)
	if err != nil {
		// The kind admits no such value.
		return 1
	}
	return max(scaled, 1)
}

// shown is how many failing carrels a message names.
const shown = 3

func held(failed []RolloutCarrel, waiting int) string {
	var names []string
	for _, c := range failed[:min(shown, len(failed))] {
		names = append(names, fmt.Sprintf("%s (%s)", c.Name, c.Trouble))
	}
	if more := len(failed) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("held: carrels that started with the present revision fail: %s. Still to be restarted: %d, left as they are. Mend the Template, or take its edit back",
		strings.Join(names, ", "), waiting)
}
