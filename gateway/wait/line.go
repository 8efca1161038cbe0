package wait

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

const (
	// paceWindow is how far back starts count for the pace of the queue.
	paceWindow = 3 * time.Minute
	// fewestStarts is how many starts there must have been to speak of a pace.
	fewestStarts = 3
	// longestStart is the longest start taken for an ordinary one.
	longestStart = 10 * time.Minute
	// startsOf is how far back starts count for how long one takes.
	startsOf = 24 * time.Hour
)

// line is the queue of a course, and how fast things have gone, all read from
// the statuses: each replica sees the same, also right after it began.
type line struct {
	// place is by name of the carrel, 1 for the first.
	place map[string]int
	// pace is how long it takes for the queue to move by one; 0: not known.
	pace time.Duration
	// start is how long a start usually takes, by Template; absent: not known.
	start map[string]time.Duration
}

func lineOf(carrels []directory.Carrel, now time.Time) line {
	return line{place: places(carrels), pace: pace(carrels, now), start: startTimes(carrels, now)}
}

// places are those of the Queued, by since when they are, then by name.
func places(carrels []directory.Carrel) map[string]int {
	var queued []directory.Carrel
	for _, c := range carrels {
		if c.State == v1alpha1.StateQueued && c.QueuedSince != nil {
			queued = append(queued, c)
		}
	}
	slices.SortFunc(queued, func(a, b directory.Carrel) int {
		return cmp.Or(a.QueuedSince.Compare(*b.QueuedSince), cmp.Compare(a.Name, b.Name))
	})
	place := make(map[string]int, len(queued))
	for i, c := range queued {
		place[c.Name] = i + 1
	}
	return place
}

// pace is the time between two starts of the last minutes.
func pace(carrels []directory.Carrel, now time.Time) time.Duration {
	oldest, starts := now, 0
	for _, c := range carrels {
		started := c.Userland.Status.LastStartTime
		if started == nil || started.After(now) || now.Sub(started.Time) > paceWindow {
			continue
		}
		starts++
		if started.Time.Before(oldest) {
			oldest = started.Time
		}
	}
	if starts < fewestStarts {
		return 0
	}
	return now.Sub(oldest) / time.Duration(starts)
}

// startTimes are the medians, by Template, of the starts that led to the carrels
// that run now.
func startTimes(carrels []directory.Carrel, now time.Time) map[string]time.Duration {
	took := map[string][]time.Duration{}
	for _, c := range carrels {
		if d, ok := startTook(c.Userland, now); ok {
			took[c.Template] = append(took[c.Template], d)
		}
	}
	medians := make(map[string]time.Duration, len(took))
	for template, all := range took {
		slices.Sort(all)
		medians[template] = all[len(all)/2]
	}
	return medians
}

// startTook is how long the last start of a carrel took that runs.
func startTook(u *v1alpha1.Userland, now time.Time) (time.Duration, bool) {
	started := u.Status.LastStartTime
	if u.Status.State != v1alpha1.StateRunning || started == nil || now.Sub(started.Time) > startsOf {
		return 0, false
	}
	ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil {
		return 0, false
	}
	d := ready.LastTransitionTime.Sub(started.Time)
	return d, d >= 0 && d <= longestStart
}

// expected is how long a place in the queue means, and then a start; 0: not known.
func (l line) expected(place int, template string) time.Duration {
	if l.pace == 0 {
		return 0
	}
	return time.Duration(place)*l.pace + l.start[template]
}
