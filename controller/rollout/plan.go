package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/period"
)

// Progress is how far a carrel is on the way to the revision of its Template.
type Progress int

const (
	// Idle carrels are stopped, or not looked at yet: there is nothing to restart.
	Idle Progress = iota
	// Pending ones run with an older revision.
	Pending
	// Starting ones have taken the revision and are not up yet.
	Starting
	// Proven ones run with it.
	Proven
	// Failed ones have started with it, and fail.
	Failed
)

// Carrel is one that follows the Template, as the roll-out sees it.
type Carrel struct {
	// Name is that of the Userland.
	Name     string
	Progress Progress
	// Since is when it began to be Pending, or Starting.
	Since time.Time
	// LastUsed is when its user was last seen; zero: never.
	LastUsed time.Time
	// Trouble is why it Failed, in words.
	Trouble string
}

// Facts are all that the plan of a roll-out rests on.
type Facts struct {
	// Rollout is what the Template says of it.
	Rollout v1alpha1.Rollout
	// Since is when the Template came to its revision.
	Since time.Time
	// Carrels are all that follow the Template.
	Carrels []Carrel
	// Granted reports whether a carrel was told to restart before.
	Granted func(name string) bool
	// Now is the time.
	Now time.Time
}

// Plan is what to do now for a roll-out.
type Plan struct {
	// Restart names the carrels that may restart, those told before included.
	Restart []string
	// Held says why nobody else is restarted; empty if the roll-out goes on.
	Held string
	// Next is when there may be more to do though nothing happens; zero: never.
	Next time.Time
}

// patience is how long a carrel may be Starting before it counts as failing with
// the revision. Most troubles are told much sooner; pulling a large image to a
// node that has not got it takes minutes.
const patience = 10 * time.Minute

// defaultMaxUnavailable is that of the kind.
var defaultMaxUnavailable = intstr.FromString("10%")

// Decide plans a roll-out: one carrel first, and when that runs, a few at a
// time, those least recently used first. Nobody more is restarted when one that
// started with the revision fails.
func Decide(f Facts) Plan {
	f, hangs := f.impatient()
	due, next := f.due()
	if len(due) == 0 {
		return Plan{Next: next}
	}
	next = earlier(next, hangs)
	count := map[Progress]int{}
	var failed []Carrel
	for _, c := range f.Carrels {
		count[c.Progress]++
		if c.Progress == Failed {
			failed = append(failed, c)
		}
	}
	if len(failed) > 0 {
		return Plan{Held: held(failed, len(due)), Next: next}
	}
	budget := 1
	if count[Proven] > 0 {
		budget = f.maxUnavailable()
	}
	return Plan{Restart: f.choose(due, budget-count[Starting]), Next: next}
}

// impatient takes those who have been Starting for too long for what they are:
// Failed if the revision is why they started, else Idle, since they were so before
// it came. It returns when the next will have been.
func (f Facts) impatient() (Facts, time.Time) {
	var next time.Time
	f.Carrels = slices.Clone(f.Carrels)
	for i := range f.Carrels {
		c := &f.Carrels[i]
		if c.Progress != Starting {
			continue
		}
		switch over := c.Since.Add(patience); {
		case over.After(f.Now):
			next = earlier(next, over)
		case c.Since.Before(f.Since):
			c.Progress = Idle
		default:
			c.Progress, c.Trouble = Failed, fmt.Sprintf("starting for more than %d minutes", int(patience.Minutes()))
		}
	}
	return f, next
}

// earlier is the earlier of two moments of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due are the carrels to restart now, and when others will be.
func (f Facts) due() (due []Carrel, next time.Time) {
	deadline, err := period.Parse(f.Rollout.Deadline)
	immediate := f.Rollout.When == v1alpha1.RolloutImmediate
	for _, c := range f.Carrels {
		if c.Progress != Pending || err != nil && !immediate {
			continue
		}
		from := later(f.Since, c.Since).Add(deadline)
		switch {
		case immediate, !from.After(f.Now):
			due = append(due, c)
		case next.IsZero() || from.Before(next):
			next = from
		}
	}
	return due, next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// choose names those told before and, as far as the budget goes, others.
func (f Facts) choose(due []Carrel, budget int) []string {
	slices.SortFunc(due, func(a, b Carrel) int {
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
func (f Facts) maxUnavailable() int {
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

func held(failed []Carrel, waiting int) string {
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
