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
	// Reached looks whether it has. The detail is shown: what was reached, or,
	// as long as it was not, what there is instead. An error counts as not yet.
	Reached func(ctx context.Context) (detail string, reached bool, err error)
}

// Event is a milestone reached.
type Event struct {
	// Name and Detail are those of the milestone.
	Name, Detail string
	// After is the time since the story began.
	After time.Duration
}

// Follow looks at the milestones, in whatever order they are reached, until all
// are or the context ends; each is told to reached as it happens. The error
// names those that are missing and what there was instead.
func Follow(ctx context.Context, begin time.Time, milestones []Milestone, reached func(Event)) error {
	const pause = 100 * time.Millisecond
	instead := make([]string, len(milestones))
	done := make([]bool, len(milestones))
	for {
		missing := 0
		for i, milestone := range milestones {
			if done[i] {
				continue
			}
			detail, ok, err := milestone.Reached(ctx)
			if err != nil {
				detail = err.Error()
			}
			if err == nil && ok {
				done[i] = true
				reached(Event{Name: milestone.Name, Detail: detail, After: time.Since(begin)})
				continue
			}
			if ctx.Err() == nil || instead[i] == "" {
				instead[i] = detail
			}
			missing++
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), missed(milestones, done, instead))
		case <-time.After(pause):
		}
	}
}

// missed says which milestones were not reached and what there was instead.
func missed(milestones []Milestone, done []bool, instead []string) error {
	var lines []string
	for i, milestone := range milestones {
		if !done[i] {
			lines = append(lines, fmt.Sprintf("not reached: %s; instead: %s", milestone.Name, instead[i]))
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
