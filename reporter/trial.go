package reporter

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// trialBegins is how long a new revision may be without an entry of its trial.
	trialBegins = 5 * time.Minute
	// trialEnds is how long a trial may go on. A start may take a quarter of an hour.
	trialEnds = 20 * time.Minute
)

// Trial is what is known of the trial starts of the Templates that a course uses.
type Trial struct {
	// Pending is set while an outcome is awaited.
	Pending bool
	// Unread is the name of a Template that the controller has yet to read: what is known of
	// trials is about a former revision. It is empty if there is none.
	Unread string
	// Template and Failed are the name of one whose trial failed, and why.
	Template, Failed string
	// Said describes the trial of a revision that came with the commit; may be empty.
	Said string
}

// trial looks at the current revisions of the Templates in use. It returns when to look
// again; 0 is never. A revision that could not be tried holds nothing back.
func (c Class) trial(since, now time.Time) (found Trial, recheck time.Duration) {
	for _, name := range c.inUse() {
		revision := c.Revisions[name]
		if revision.Unread && c.Errands && found.Unread == "" {
			found.Unread = name
		}
		if revision.Name == "" || revision.Untried || revision.Unread && c.Errands {
			continue
		}
		brought := !revision.Since.Before(since.Truncate(time.Second))
		if entry := revision.Trial; entry != nil && entry.Outcome == v1alpha1.TrialFailed && found.Failed == "" {
			found.Template, found.Failed = name, cmp.Or(entry.Message, entry.Reason)
		}
		said, end := c.trialOf(revision, since)
		if rest := end.Sub(now); rest > 0 {
			found.Pending, recheck = true, soonest(recheck, rest)
		} else if brought && found.Said == "" {
			found.Said = said
		}
	}
	return found, recheck
}

// trialOf returns what to say of the trial of a revision, and until when to wait for its
// outcome. Of a failed trial it says nothing.
func (c Class) trialOf(revision Revision, since time.Time) (said string, end time.Time) {
	switch entry := revision.Trial; {
	case entry == nil && c.Errands:
		return "not tried", later(revision.Since, since).Add(trialBegins)
	case entry == nil || entry.Outcome == v1alpha1.TrialFailed:
		return "", time.Time{}
	case entry.Outcome == v1alpha1.TrialStarted:
		return entry.Message, time.Time{}
	case entry.Outcome == v1alpha1.TrialRunning:
		return "not tried", entry.Time.Add(trialEnds)
	default:
		return "not tried", time.Time{}
	}
}

// inUse returns the names of the Templates that a carrel or the Course names, sorted.
func (c Class) inUse() []string {
	names := map[string]bool{}
	if c.DefaultTemplate != "" {
		names[c.DefaultTemplate] = true
	}
	for i := range c.Userlands {
		if name := c.Userlands[i].Spec.TemplateName; name != "" {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
