package wait

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

const (
	// wakingFor is the time after the last activity in which a carrel that is Asleep is
	// taken to be about to start. After this it was stopped, or the start was given up.
	wakingFor = time.Minute
	// noticing is the time that it may take until a visitor's activity is in the status.
	noticing = 15 * time.Second
)

// The kinds of situation. The pages have texts for each.
const (
	waking   = "waking"
	queued   = "queued"
	starting = "starting"
	opening  = "opening"
	asleep   = "asleep"
	waiting  = "waiting"
	disabled = "disabled"
	failing  = "failing"
	gone     = "gone"
	other    = "other"
)

// situation holds the content of the page for a visitor who waits. Situations are
// comparable, and one that is equal to the last is not sent again.
type situation struct {
	// Kind has one of the values above.
	Kind string
	// State is the carrel's state, which is shown for the kind other.
	State string
	// Reason and Message are those of the Ready condition.
	Reason, Message string
	// Place is the place in the queue, and Of the queue's length; 0 if not queued.
	Place, Of int
	// Expected is the estimated time until the carrel is ready; 0 if it is not known.
	Expected time.Duration
	// Began is the beginning of the present step; zero if it is not known.
	Began time.Time
	// Notice is the Course's notice to visitors who wait.
	Notice string
	// LastEnd describes how the carrel last ended by itself. It is zero if it never did.
	LastEnd v1alpha1.LastEnd
}

// situationOf returns the situation of a carrel for a visitor who came at a given time.
func situationOf(c directory.Carrel, course *v1alpha1.Course, l line, came, now time.Time) situation {
	s := situation{Kind: kind(c, came, now), State: c.State, Reason: c.Reason, Message: c.Message}
	if course != nil {
		s.Notice = course.Spec.Notice
	}
	if end := c.Userland.Status.LastEnd; end != nil {
		s.LastEnd = *end
	}
	switch s.Kind {
	case queued:
		s.Place, s.Of = l.place[c.Name], len(l.place)
		if s.Place > 0 {
			s.Expected = l.expected(s.Place, c.Template)
		}
		if c.QueuedSince != nil {
			s.Began = *c.QueuedSince
		}
	case starting:
		s.Expected = l.start[c.Template]
		if started := c.Userland.Status.LastStartTime; started != nil {
			s.Began = started.Time
		}
	case waking:
		s.Expected = l.start[c.Template]
	}
	s.Expected = coarse(s.Expected)
	return s
}

// coarse rounds a duration as the page shows it, so that a situation that is shown the same
// way is equal.
func coarse(d time.Duration) time.Duration {
	switch {
	case d == 0:
		return 0
	case d < 10*time.Second:
		return max(time.Second, d.Round(time.Second))
	case d < 90*time.Second:
		return d.Round(10 * time.Second)
	default:
		return d.Round(time.Minute)
	}
}

func kind(c directory.Carrel, came, now time.Time) string {
	switch c.State {
	case v1alpha1.StateRunning:
		return opening // the EndpointSlice with its address has not come yet
	case v1alpha1.StateQueued:
		return queued
	case v1alpha1.StateStarting:
		return starting
	case v1alpha1.StateDisabled:
		return disabled
	case v1alpha1.StateFailing:
		return failing
	case v1alpha1.StateWaiting:
		return waiting
	case v1alpha1.StateAsleep:
		if now.Sub(came) > noticing && (c.LastActivity == nil || now.Sub(*c.LastActivity) > wakingFor) {
			return asleep
		}
		return waking
	case "":
		return starting // the controller has not reconciled it yet
	default:
		return other
	}
}

// hopeful reports whether the wait may end soon without somebody acting.
func (s situation) hopeful() bool {
	switch s.Kind {
	case disabled, failing, gone, asleep:
		return false
	}
	return true
}

// step returns the index of the present step: 0 requested, 1 in the queue, 2 starting, 3
// opening.
func (s situation) step() int {
	switch s.Kind {
	case queued:
		return 1
	case starting, other, waiting:
		return 2
	case opening:
		return 3
	}
	return 0
}

// retryAfter returns the number of seconds after which it is worth asking again.
func (s situation) retryAfter() int {
	switch s.Kind {
	case waking, starting, opening:
		return 3
	case queued:
		return 5
	case disabled, gone:
		return 300
	}
	return 30
}
