package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// patience bounds each wait of a program. On a slow machine the first start of the cluster
// takes minutes.
const patience = 15 * time.Minute

// Stage holds what the acts of a program share.
type Stage struct {
	Cluster Devcluster
	// Dir is a directory that is deleted when the program ends.
	Dir string
	// Out gets the lines that the program prints.
	Out io.Writer

	begin time.Time
	ends  []func(context.Context) error
}

// File returns a path in the program's directory.
func (s *Stage) File(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// Say prints a line with the time since the program began.
func (s *Stage) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Out, "  %6.1fs  %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// Since returns the time from the beginning of the program to a moment.
func (s *Stage) Since(moment time.Time) time.Duration { return moment.Sub(s.begin) }

// Follow waits for milestones, and prints them as they are reached. What is waited for goes
// to the progress of the cluster.
func (s *Stage) Follow(ctx context.Context, milestones ...Milestone) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return Follow(ctx, time.Now(), milestones, func(e Event) {
		if e.Waiting {
			_, _ = fmt.Fprintf(s.Cluster.Out, "waiting for %s; instead: %s\n", e.Name, e.Detail)
		} else {
			s.Say("%-30s %s", e.Name, e.Detail)
		}
	})
}

// AtEnd calls stop when the program ends, also after a failure. The latest call is the
// first to be stopped.
func (s *Stage) AtEnd(stop func(context.Context) error) { s.ends = append(s.ends, stop) }

// end stops what the acts have started.
func (s *Stage) end(ctx context.Context) (err error) {
	for _, stop := range slices.Backward(s.ends) {
		err = errors.Join(err, stop(ctx))
	}
	return err
}
