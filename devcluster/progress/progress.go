// Package progress tells a person what is being done, how far it is and how
// long it took. Steps run side by side, and some run in the daemon while the
// person looks at another process, so a step is reported as events that can be
// printed here or sent through a pipe and printed there.
package progress

import (
	"time"
)

// State is where a step stands.
type State string

// The states of a step. Begun is followed by any number of Moving and by one
// of the last two.
const (
	Begun  State = "begun"
	Moving State = "moving"
	Done   State = "done"
	Failed State = "failed"
)

// Event is one thing worth telling about a step.
type Event struct {
	Step   string `json:"step"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"`
	// Fraction is how much of the step is done, between 0 and 1, as far as it
	// knows.
	Fraction float64       `json:"fraction,omitempty"`
	Elapsed  time.Duration `json:"elapsed,omitempty"`
}

// Sink takes events. It must be safe to call from several goroutines.
type Sink func(Event)

// Step is one piece of work that is under way.
type Step struct {
	name  string
	sink  Sink
	start time.Time
}

// Begin reports that the step called name has started. The caller ends it with
// End.
func (sink Sink) Begin(name string) *Step {
	sink(Event{Step: name, State: Begun})
	return &Step{name: name, sink: sink, start: time.Now()}
}

// Move reports how far the step is.
func (s *Step) Move(detail string) {
	s.sink(Event{Step: s.name, State: Moving, Detail: detail, Elapsed: time.Since(s.start)})
}

// Advance reports how far the step is, in words and as a fraction.
func (s *Step) Advance(fraction float64, detail string) {
	s.sink(Event{Step: s.name, State: Moving, Detail: detail, Fraction: fraction, Elapsed: time.Since(s.start)})
}

// End reports the step as done, or as failed when err is not nil, and hands
// err back so that a caller can return it in the same line.
func (s *Step) End(err error) error {
	event := Event{Step: s.name, State: Done, Elapsed: time.Since(s.start)}
	if err != nil {
		event.State, event.Detail = Failed, err.Error()
	}
	s.sink(event)
	return err
}

// Do runs work as one step.
func (sink Sink) Do(name string, work func(*Step) error) error {
	step := sink.Begin(name)
	return step.End(work(step))
}
