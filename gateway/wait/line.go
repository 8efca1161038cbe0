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
	// paceWindow is the age up to which starts count for the pace of the queue.
	paceWindow = 3 * time.Minute
	// fewestStarts is the least number of starts from which a pace is computed.
	fewestStarts = 3
	// longestStart is the longest start that counts as ordinary.
	longestStart = 10 * time.Minute
	// startsOf is the age up to which starts count for the duration of a start.
	startsOf = 24 * time.Hour
)

// line is the queue of a course with its pace. It is computed from the statuses alone, so
// that each replica shows the same, also right after it started.
type line struct {
	// place holds the places in the queue by the carrel's name; 1 is the first.
	place map[string]int
	// pace is the time in which the queue moves by one place; 0 if it is not known.
	pace time.Duration
	// start holds the usual duration of a start, by Template.
	start map[string]time.Duration
}

func lineOf(carrels []directory.Carrel, now time.Time) line {
	return line{place: places(carrels), pace: pace(carrels, now), start: startTimes(carrels, now)}
}

// places returns the places of the queued carrels, in the order of the time since which
// they are queued, and then of their names.
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

// pace returns the average time between two starts within paceWindow; 0 if there were too
// few.
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

// startTimes returns the median duration, by Template, of the last starts of the carrels
// that are running.
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

// startTook returns the duration of the last start of a running carrel; false if the
// carrel does not run, or the start was too long ago or no ordinary one.
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

// expected returns the time until a carrel at a place in the queue runs; 0 if it is not
// known.
func (l line) expected(place int, template string) time.Duration {
	if l.pace == 0 {
		return 0
	}
	return time.Duration(place)*l.pace + l.start[template]
}
