package wait

import (
	"sync"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// lineFor is the time for which a computed line is used for all visitors who wait. Without
// this, a class that waits together would compute it for each.
const lineFor = time.Second

// lines caches the lines of all courses.
type lines struct {
	mu       sync.Mutex
	byCourse map[string]lineAt
}

type lineAt struct {
	line
	at time.Time
}

// ofCourse returns the line of a carrel's course. It computes the line again if the carrel
// is queued and not in the cached line.
func (l *lines) ofCourse(c directory.Carrel, d *directory.Index, now time.Time) line {
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
	fresh := lineAt{lineOf(d.InCourse(course), now), now}
	l.byCourse[course] = fresh
	return fresh.line
}
