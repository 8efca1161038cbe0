package lifecycle

import (
	"cmp"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// QueuePatience is how long a carrel that does not come up keeps others from
// starting. Pulling a large image to a node that has not got it takes minutes;
// what takes longer is no longer waited for.
const QueuePatience = 5 * time.Minute

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

// Line is the queue of one course.
type Line struct {
	// Limit is how many carrels may be starting at once.
	Limit int
	// Starting holds, by name, since when a carrel is starting.
	Starting map[string]time.Time
	// Waiting holds the ticket of each carrel that waits, by name.
	Waiting map[string]Ticket
}

// Grant lets those start whose turn it is, and names them.
func (l *Line) Grant(now time.Time) (granted []string) {
	places := l.Limit
	for _, since := range l.Starting {
		if now.Before(since.Add(QueuePatience)) {
			places--
		}
	}
	for ; places > 0 && len(l.Waiting) > 0; places-- {
		name := l.first()
		delete(l.Waiting, name)
		l.Starting[name] = now
		granted = append(granted, name)
	}
	return granted
}

// first is who is first of those who wait.
func (l *Line) first() (first string) {
	for name, ticket := range l.Waiting {
		if first == "" || before(name, ticket, first, l.Waiting[first]) {
			first = name
		}
	}
	return first
}

// Free is when a place will be free though nothing happens; zero: never.
func (l *Line) Free(now time.Time) (at time.Time) {
	for _, since := range l.Starting {
		if over := since.Add(QueuePatience); over.After(now) && (at.IsZero() || over.Before(at)) {
			at = over
		}
	}
	return at
}

// Turn returns the place of a carrel.
func (l *Line) Turn(name string, now time.Time) Turn {
	_, granted := l.Starting[name]
	return Turn{Bounded: true, Granted: granted, Next: l.Free(now)}
}

// RebuildLine returns the queue of a course as the statuses of its Userlands record it.
func RebuildLine(class []v1alpha1.Userland, session func(section string) time.Time) *Line {
	queue := &Line{Starting: map[string]time.Time{}, Waiting: map[string]Ticket{}}
	for i := range class {
		switch u := &class[i]; {
		case u.Status.State == v1alpha1.StateStarting && u.Status.LastStartTime != nil:
			queue.Starting[u.Name] = u.Status.LastStartTime.Time
		case (u.Status.State == v1alpha1.StateQueued || u.Status.State == v1alpha1.StateFailing) && u.Status.QueuedSince != nil:
			queue.Waiting[u.Name] = Ticket{Session: session(u.Spec.Section), Since: u.Status.QueuedSince.Time}
		}
	}
	return queue
}
