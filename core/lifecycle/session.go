package lifecycle

import (
	"time"

	"github.com/carrel-dev/carrel/core/timetable"
)

// longestRow is how many changes of a timetable are followed to find the end of
// sessions of which one begins before the other is over. A day has fewer.
const longestRow = 64

// SessionEnd returns when somebody is in no session any more, given what the timetable
// means for them at a time. It returns the zero time if they are in none.
func SessionEnd(at func(time.Time) timetable.Moment, now time.Time) (end time.Time) {
	moment := at(now)
	for range longestRow {
		if !moment.InSession() || moment.Next.IsZero() {
			break
		}
		end = moment.Next
		moment = at(end)
	}
	return end
}
