// Package queue bounds how many carrels of a course start at once, and says whose
// turn it is.
package queue

import (
	"cmp"
	"time"
)

// Patience is how long a carrel that does not come up keeps others from
// starting. Pulling a large image to a node that has not got it takes minutes;
// what takes longer is no longer waited for.
const Patience = 5 * time.Minute

// A Ticket is why one in the queue is before another.
type Ticket struct {
	// Session is since when the timetable wants the carrel; zero: it does not.
	// Those of a session come before all others, and those of the session in
	// progress before those started beforehand for the next.
	Session time.Time
	// Since is since when the carrel waits.
	Since time.Time
}

// before says whether a carrel of one name and ticket is before another.
func before(name string, t Ticket, other string, o Ticket) bool {
	if t.Session.IsZero() != o.Session.IsZero() {
		return o.Session.IsZero()
	}
	return cmp.Or(t.Session.Compare(o.Session), t.Since.Compare(o.Since), cmp.Compare(name, other)) < 0
}

// line is the queue of one course: who is starting, since when, and who waits.
type line struct {
	limit    int
	starting map[string]time.Time
	waiting  map[string]Ticket
}

// grant lets those start whose turn it is, and names them.
func (l *line) grant(now time.Time) (granted []string) {
	places := l.limit
	for _, since := range l.starting {
		if now.Before(since.Add(Patience)) {
			places--
		}
	}
	for ; places > 0 && len(l.waiting) > 0; places-- {
		name := l.first()
		delete(l.waiting, name)
		l.starting[name] = now
		granted = append(granted, name)
	}
	return granted
}

// first is who is first of those who wait.
func (l *line) first() (first string) {
	for name, ticket := range l.waiting {
		if first == "" || before(name, ticket, first, l.waiting[first]) {
			first = name
		}
	}
	return first
}

// free is when a place will be free though nothing happens; zero: never.
func (l *line) free(now time.Time) (at time.Time) {
	for _, since := range l.starting {
		if over := since.Add(Patience); over.After(now) && (at.IsZero() || over.Before(at)) {
			at = over
		}
	}
	return at
}
