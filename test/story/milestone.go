package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Milestone is something that will have happened when a story went well.
type Milestone struct {
	// Name is what to call it when it has happened.
	Name string
	// Within is how long it may take, counted from when it is waited for; zero
	// leaves that to the context of Follow.
	Within time.Duration
	// Reached looks whether it has happened. The detail is shown: what was reached,
	// or, as long as it was not, what there is instead. An error counts as not yet.
	Reached func(ctx context.Context) (detail string, reached bool, err error)
}

// Bounds of waits, several times what the step takes on a slow machine with two
// busy cores: a wait that runs into its bound has found something stuck.
const (
	// SyncedWithin bounds what Flux or a controller does without starting a pod.
	SyncedWithin = 4 * time.Minute
	// StartedWithin bounds the start of a carrel: its volume, its pod, its software.
	StartedWithin = 3 * time.Minute
	// ReportedWithin bounds a commit's way to its status, the start of carrels
	// included.
	ReportedWithin = 6 * time.Minute
	// ShownWithin bounds what a browser takes to show a page.
	ShownWithin = 2 * time.Minute
	// OpenedWithin bounds what a browser takes to show the software of a carrel that
	// was asleep.
	OpenedWithin = StartedWithin + ShownWithin
	// RolledOutWithin bounds a rollout of the gateway or the controller.
	RolledOutWithin = 5 * time.Minute
	// InstalledWithin bounds the first start of everything.
	InstalledWithin = 15 * time.Minute
)

// Event is a milestone reached, or still waited for.
type Event struct {
	// Name and Detail are those of the milestone.
	Name, Detail string
	// After is the time since the story began.
	After time.Duration
	// Waiting: the milestone is not reached yet, and Detail is what there is instead.
	Waiting bool
}

// String is the event as a line of a timeline.
func (e Event) String() string {
	if e.Waiting {
		return fmt.Sprintf("%6.1fs  waiting for: %s; instead: %s", e.After.Seconds(), e.Name, e.Detail)
	}
	return fmt.Sprintf("%6.1fs  %-22s %s", e.After.Seconds(), e.Name, e.Detail)
}

const (
	// remindEvery is how often Follow says what it still waits for.
	remindEvery = 10 * time.Second
	// lookWithin bounds each look, so that one that hangs is no silence.
	lookWithin = 15 * time.Second
	// firstPause and longestPause are the times between looks: short at first, for a
	// timeline to be exact, then longer, for looks load what they look at.
	firstPause, longestPause = 100 * time.Millisecond, 2 * time.Second
)

// Follow looks at the milestones, in whatever order they are reached, until all are
// or one of them is overdue or the context ends. It tells show as each is reached,
// and every few seconds what is still missing. The error names those that are
// missing and what there was instead.
func Follow(ctx context.Context, begin time.Time, milestones []Milestone, show func(Event)) error {
	f := following{begin: begin, since: time.Now(), show: show, reminded: time.Now()}
	for _, m := range milestones {
		f.missing = append(f.missing, &missing{Milestone: m})
	}
	for pause := firstPause; ; pause = min(pause*5/4, longestPause) {
		f.look(ctx)
		if len(f.missing) == 0 {
			return nil
		}
		f.remind()
		if err := f.overdue(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), f.missed())
		case <-time.After(pause):
		}
	}
}

// following is one run of Follow.
type following struct {
	// begin is when the story began, since when this wait did.
	begin, since, reminded time.Time
	show                   func(Event)
	missing                []*missing
}

// missing is a milestone not reached yet.
type missing struct {
	Milestone
	instead string
}

// look looks at each milestone once and drops those that are reached.
func (f *following) look(ctx context.Context) {
	var left []*missing
	for _, m := range f.missing {
		detail, reached, err := m.look(ctx)
		if reached {
			f.show(Event{Name: m.Name, Detail: detail, After: time.Since(f.begin)})
			continue
		}
		if err != nil {
			detail = err.Error()
		}
		if ctx.Err() == nil || m.instead == "" {
			m.instead = detail
		}
		left = append(left, m)
	}
	f.missing = left
}

func (m *missing) look(ctx context.Context) (detail string, reached bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	detail, reached, err = m.Reached(ctx)
	return detail, reached && err == nil, err
}

// remind shows what is missing when that was not done for a while.
func (f *following) remind() {
	if time.Since(f.reminded) < remindEvery {
		return
	}
	f.reminded = time.Now()
	for _, m := range f.missing {
		f.show(Event{Name: m.Name, Detail: m.instead, After: time.Since(f.begin), Waiting: true})
	}
}

// overdue is an error once a milestone took longer than it may.
func (f *following) overdue() error {
	waited := time.Since(f.since)
	for _, m := range f.missing {
		if m.Within > 0 && waited > m.Within {
			return fmt.Errorf("%s: not within %s\n%w", m.Name, m.Within, f.missed())
		}
	}
	return nil
}

// missed says which milestones were not reached and what there was instead.
func (f *following) missed() error {
	var lines []string
	for _, m := range f.missing {
		lines = append(lines, fmt.Sprintf("not reached: %s; instead: %s", m.Name, m.instead))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// Test is what Reach needs of a *testing.T.
type Test interface {
	Helper()
	Context() context.Context
	Logf(format string, args ...any)
	Fatal(args ...any)
}

// Reach waits in a test until all milestones are reached, logs what happens and
// what is waited for, and ends the test when one is overdue. A milestone that does
// not say how long it may take is given SyncedWithin.
func Reach(t Test, milestones ...Milestone) {
	t.Helper()
	for i := range milestones {
		if milestones[i].Within == 0 {
			milestones[i].Within = SyncedWithin
		}
	}
	if err := Follow(t.Context(), time.Now(), milestones, func(e Event) { t.Helper(); t.Logf("%s", e) }); err != nil {
		t.Fatal(err)
	}
}
