package wait

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

const (
	// wakingFor is how long after the last activity a carrel still Asleep is taken
	// to be about to start. Later it was stopped, or the wait given up.
	wakingFor = time.Minute
	// noticing is how long it may take until the activity of who has just come is
	// seen in the status.
	noticing = 15 * time.Second
)

// The kinds of situation. A page has texts for each.
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

// situation is what there is to say to somebody who waits. It is comparable: the
// same situation is told once.
type situation struct {
	// Kind is one of the kinds above.
	Kind string
	// State is the carrel's own word, for kinds there is no text for.
	State string
	// Reason and Message are those of the Ready condition.
	Reason, Message string
	// Place in the queue, of how many; 0: none.
	Place, Of int
	// Expected is how long it probably takes from now on; 0: not known.
	Expected time.Duration
	// Began is when the present step began; zero: not known.
	Began time.Time
	// Notice is what the Course tells those who wait.
	Notice string
}

// look says what the situation of a carrel is for somebody who came at a time.
func look(c directory.Carrel, course *v1alpha1.Course, l line, came, now time.Time) situation {
	s := situation{Kind: kind(c, came, now), State: c.State, Reason: c.Reason, Message: c.Message}
	if course != nil {
		s.Notice = course.Spec.Notice
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

// coarse is a duration as exact as it is said, so that what is said again and
// again is the same.
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
		return opening // it answers, and where is not known yet
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
		return starting // the controller has not seen it yet
	default:
		return other
	}
}

// hopeful reports whether it may be over soon without anybody's doing.
func (s situation) hopeful() bool {
	switch s.Kind {
	case disabled, failing, gone, asleep:
		return false
	}
	return true
}

// step is how far the carrel has come: 0 asked for, 1 in the queue, 2 starting,
// 3 opening.
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

// again is after how many seconds it is worth asking anew.
func (s situation) again() int {
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
