// Package lifecycle decides whether a carrel is to run, whose turn it is to
// start, and who takes a new revision of a Template when. It is pure: the time
// is an argument.
package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/timetable"
)

// probeAgain is how long a carrel whose software does not say when it was last used
// is left alone before it is asked again.
const probeAgain = time.Minute

// PresenceFacts are all that the decision rests on.
type PresenceFacts struct {
	// Enabled is whether the spec wants the carrel at all.
	Enabled bool
	// Idle is when the Template stops a carrel nobody uses; nil: never.
	Idle *v1alpha1.Idle
	// Timetable is what that of the class says to the user; zero: nothing.
	Timetable timetable.Moment
	// Running is whether it is meant to run at present.
	Running bool
	// Status holds the moments recorded so far and the requests of people.
	Status v1alpha1.UserlandStatus
	// Probed is when its software says it was last used; zero if unknown.
	Probed time.Time
	// Unanswered is set if its software has yet to say when it was last used, or
	// can't: nobody is stopped for idleness before.
	Unanswered bool
	// Unmakeable is set if the revision of the carrel is not known. Then it can be
	// started and stopped as it is, and requests for another pod wait.
	Unmakeable bool
	// Now is the time.
	Now time.Time
}

// PresenceDecision is whether a carrel is to run, and what to record of it.
type PresenceDecision struct {
	// Presence is what the carrel is to be now.
	Presence health.Presence
	// Restart is set when a running carrel is to start anew.
	Restart bool
	// Reset is the moment of a request for fresh volumes to honour; nil: none.
	Reset *metav1.Time
	// Idle is set when it is Asleep because nobody used it for as long as its
	// Template says: the one case in which its software may object.
	Idle bool
	// Next is when the decision may be another though nothing happens; zero:
	// never.
	Next time.Time

	// LastStart, IdleFrom and Handled are what the status is to say.
	LastStart, IdleFrom, QueuedSince *metav1.Time
	Handled                          *v1alpha1.HandledRequests
}

// DecidePresence says whether a carrel is to run.
func DecidePresence(f PresenceFacts) PresenceDecision {
	due := dueRequests(f)
	d := PresenceDecision{
		Presence: health.Running, Restart: due.start.After(due.stop), Reset: due.reset, Next: earlier(due.next, f.Timetable.Next),
		LastStart: f.Status.LastStartTime, Handled: due.handled,
	}
	switch {
	case !f.Enabled:
		return d.without(health.Disabled)
	case f.Timetable.Over:
		return d.without(health.Over)
	case d.Restart:
	case !due.stop.IsZero() && !due.stop.Before(latest(f.seenSince(due.handled), f.Timetable.Since)):
		return d.without(health.Asleep)
	case f.overdue() && !f.Unanswered:
		d.Idle = true
		return d.without(health.Asleep)
	}
	if !f.Running || d.Restart || d.LastStart == nil {
		d.LastStart = stamp(f.Now)
	}
	if f.Idle != nil {
		d.IdleFrom = f.Status.IdleFrom
		if d.IdleFrom == nil {
			d.IdleFrom = stamp(f.Now)
		}
		switch {
		case f.Timetable.InSession():
		case f.Unanswered:
			d.Next = earlier(d.Next, f.Now.Add(probeAgain))
		default:
			d.Next = earlier(d.Next, SleepAt(f.after(d)))
		}
	}
	return d
}

// overdue reports whether nobody has used the carrel for as long as its Template
// says, outside of sessions.
func (f PresenceFacts) overdue() bool {
	return f.Idle != nil && !f.Timetable.InSession() && !f.Now.Before(SleepAt(f))
}

// Queue is the decision for a carrel that was to start and whose turn has not
// come by a moment, when it is to be asked again. What people asked for stays
// asked; who is not seen while it waits is not waited for.
func (d PresenceDecision) Queue(f PresenceFacts, again time.Time) PresenceDecision {
	q := PresenceDecision{
		Presence: health.Queued, Next: earlier(again, earlier(f.Timetable.Next, dueRequests(f).next)),
		LastStart: f.Status.LastStartTime, IdleFrom: f.Status.IdleFrom, QueuedSince: f.queuedSince(), Handled: f.Status.Handled,
	}
	if f.Idle != nil && !d.Restart && !f.Timetable.InSession() {
		q.Next = earlier(q.Next, SleepAt(f))
	}
	return q
}

// queuedSince is since when a carrel waits that has to.
func (f PresenceFacts) queuedSince() *metav1.Time {
	if f.Status.QueuedSince != nil {
		return f.Status.QueuedSince
	}
	return stamp(f.Now)
}

// without is the decision that there is to be no pod.
func (d PresenceDecision) without(p health.Presence) PresenceDecision {
	d.Presence, d.Restart = p, false
	return d
}

// SleepAt is when a carrel has been idle for as long as its Template says.
func SleepAt(f PresenceFacts) time.Time {
	clock := latest(f.seen(), f.Probed)
	if f.Running {
		idleFrom := f.Status.IdleFrom
		if idleFrom == nil {
			idleFrom = stamp(f.Now)
		}
		clock = latest(clock, f.past(idleFrom))
	}
	sleepAt := clock.Add(f.Idle.After.Duration)
	if f.Status.Requests != nil && f.Status.Requests.KeepUntil != nil {
		sleepAt = latest(sleepAt, f.Status.Requests.KeepUntil.Time)
	}
	return sleepAt
}

// after are the facts once a decision to run is carried out.
func (f PresenceFacts) after(d PresenceDecision) PresenceFacts {
	f.Running = true
	f.Status.LastStartTime, f.Status.IdleFrom = d.LastStart, d.IdleFrom
	return f
}

// seen is when the user was last seen, or the carrel started.
func (f PresenceFacts) seen() time.Time {
	return latest(f.past(f.Status.LastActivityTime), f.past(f.Status.LastStartTime))
}

// seenSince returns what may undo a stop: the last activity and the last start. What a
// clock that is ahead had reported when the stop was handled is left out: it can't undo
// that stop, not even when its time has come.
func (f PresenceFacts) seenSince(handled *v1alpha1.HandledRequests) time.Time {
	activity, start := f.Status.LastActivityTime, f.past(f.Status.LastStartTime)
	if activity == nil || activity.Equal(handled.AheadActivityTime) {
		return start
	}
	return latest(activity.Time, start)
}

// past is a moment recorded, but none to come: a clock that runs ahead
// elsewhere must keep no carrel running for longer than real activity would.
func (f PresenceFacts) past(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	if t.After(f.Now) {
		return f.Now
	}
	return t.Time
}

// stamp is a moment as the API server keeps it, in whole seconds.
func stamp(t time.Time) *metav1.Time { return ptr.To(metav1.NewTime(t.Truncate(time.Second))) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier is the earlier of two moments of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
