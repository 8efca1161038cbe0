package wait

import (
	"sync"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// lineFor is how long a line worked out serves all who wait: a class that waits
// together would otherwise work it out for each.
const lineFor = time.Second

// lines are those of all courses.
type lines struct {
	mu       sync.Mutex
	byCourse map[string]lineAt
}

type lineAt struct {
	line
	at time.Time
}

// of is the line of a carrel's course. One who has just come to stand in it is
// not told what was worked out before.
func (l *lines) of(c directory.Carrel, d *directory.Index, now time.Time) line {
	l.mu.Lock()
	defer l.mu.Unlock()
	course := c.Course
	known, found := l.byCourse[course]
	if found && now.Sub(known.at) < lineFor && (c.State != v1alpha1.StateQueued || known.place[c.Name] > 0) {
		return known.line
	}
	if l.byCourse == nil {
		l.byCourse = map[string]lineAt{}
	}
	fresh := lineAt{lineOf(d.In(course), now), now}
	l.byCourse[course] = fresh
	return fresh.line
}
