package reporter

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// Tally counts the carrels of a course, with care for what is not known yet.
type Tally struct {
	v1alpha1.UserlandCounts
	// Behind is how many say nothing yet about what was applied: their status
	// speaks of an older Userland or Template, or they are not there. They are in
	// Total, and neither ready nor in need of attention.
	Behind int32
	// Templateless is how many wait for a Template that does not exist.
	Templateless int32
	// Unread: what came of the rosters is not known yet. Objection is why they, or
	// some of them, are not brought about.
	Unread    bool
	Objection string
	// Waiting counts, by reason, those that are neither ready nor in need of
	// attention, as far as their status speaks of what was applied.
	Waiting map[string]int32
	// Suspended: the course is, so nobody expects it to get on.
	Suspended bool
	// Expiring describes the volumes that are to be deleted within a week.
	Expiring Expiring
	// Others and Away count carrels that the commit did not change: those that need
	// attention, and those on their way. Neither is the commit's doing.
	Others, Away int32
	// Forgotten is how many Userlands no Kustomization has in its inventory any more.
	Forgotten int32
	// Trial is what is known of trial starts.
	Trial Trial
	// Recheck is when the tally changes by itself; 0 is never.
	Recheck time.Duration
}

// unseenCause is the cause of a carrel that nobody has looked at yet.
const unseenCause = "NotSeenYet"

// commonest is the reason that most carrels on their way have, and how many.
func (t Tally) commonest() (reason string, count int32) {
	if t.Behind > 0 {
		reason, count = unseenCause, t.Behind
	}
	for _, other := range slices.Sorted(maps.Keys(t.Waiting)) {
		if t.Waiting[other] > count {
			reason, count = other, t.Waiting[other]
		}
	}
	return reason, count
}

// Class is what a Tally is taken of.
type Class struct {
	// DefaultTemplate is the one of Userlands that name none.
	DefaultTemplate string
	Userlands       []v1alpha1.Userland
	// Templates holds the generation of each Template by name, and Revisions the current
	// revision and its trial.
	Templates map[string]int64
	Revisions map[string]Revision
	// Errands is set if a process runs that makes trial starts.
	Errands bool
	// Forgotten is that of the Tally.
	Forgotten int32
	// Expected are the names of the Userlands that Flux says it applied.
	Expected []string
	// Unread, Suspended, Objection and Expiring are those of the Tally.
	Unread    bool
	Suspended bool
	Objection string
	Expiring  Expiring
}

// enrol adds what the Course says of its rosters, and of volumes that would be lost.
func (c *Class) enrol(course *v1alpha1.Course) {
	c.Suspended = course.Spec.Suspend
	c.Expiring = expiringOf(course)
	rollout := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.RolloutHeldCondition)
	if rollout != nil && rollout.Reason == v1alpha1.VolumesHeldReason {
		c.Objection = rollout.Message
	}
	if len(course.Spec.Rosters) == 0 && course.Status.Roster == nil {
		return
	}
	// The controller of a suspended Course has seen it, and reads no roster.
	c.Unread = course.Status.ObservedGeneration != course.Generation || c.Suspended
	if held := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.HeldCondition); held != nil && !c.Unread {
		c.Objection = held.Message
	}
	valid := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.RosterValidCondition)
	if valid != nil && valid.Status == metav1.ConditionUnknown {
		// They are being written, or the API server does not answer.
		c.Unread = true
	}
	if valid != nil && valid.Status == metav1.ConditionFalse && !c.Unread {
		c.Objection = valid.Message
	}
}

// Take counts the carrels of a class. What became current or was made at the time since
// or later came with the commit; a zero time means all.
func (c Class) Take(since, now time.Time) Tally {
	missing := sets.New(c.Expected...)
	caughtUp := make([]v1alpha1.Userland, 0, len(c.Userlands))
	for i := range c.Userlands {
		missing.Delete(c.Userlands[i].Name)
		if c.caughtUp(&c.Userlands[i]) {
			caughtUp = append(caughtUp, c.Userlands[i])
		}
	}
	brought, others := c.split(caughtUp, since)
	counts := health.Count(brought)
	rest := health.Count(others)
	counts.Total += rest.Total
	counts.Ready += rest.Ready
	tally := Tally{
		UserlandCounts: counts, Templateless: templateless(brought), Waiting: causes(brought),
		Unread: c.Unread, Objection: c.Objection, Suspended: c.Suspended, Expiring: c.Expiring,
		Others: sum(rest.Attention), Forgotten: c.Forgotten,
	}
	tally.Away = rest.Total - rest.Ready - tally.Others
	tally.Trial, tally.Recheck = c.trial(since, now)
	tally.Behind = int32(len(c.Userlands) - len(caughtUp) + missing.Len())
	tally.Total += tally.Behind
	return tally
}

// caughtUp reports whether the status of a Userland speaks of its present spec
// and of its Template's. A Template that does not exist has generation 0.
func (c Class) caughtUp(u *v1alpha1.Userland) bool {
	if u.Status.ObservedGeneration != u.Generation {
		return false
	}
	wanted := u.Spec.TemplateName
	if wanted == "" {
		wanted = c.DefaultTemplate
	}
	observed := u.Status.Template
	if observed == nil {
		return wanted == ""
	}
	return observed.Name == wanted && observed.Generation == c.Templates[wanted]
}

func templateless(userlands []v1alpha1.Userland) int32 {
	var n int32
	for i := range userlands {
		status := &userlands[i].Status
		if status.State == v1alpha1.StateWaiting && status.Template != nil && status.Template.Generation == 0 {
			n++
		}
	}
	return n
}

// causes counts the reasons of those that are not ready, but for those that need
// attention: their causes are counted with them.
func causes(userlands []v1alpha1.Userland) map[string]int32 {
	counts := map[string]int32{}
	for i := range userlands {
		one := health.Count(userlands[i : i+1])
		ready := meta.FindStatusCondition(userlands[i].Status.Conditions, v1alpha1.ReadyCondition)
		if ready != nil && one.Ready == 0 && len(one.Attention) == 0 {
			counts[ready.Reason]++
		}
	}
	return counts
}

// attention is how many need a person.
func (t Tally) attention() int32 { return sum(t.Attention) }

func sum(counts map[string]int32) (total int32) {
	for _, count := range counts {
		total += count
	}
	return total
}

// onTheirWay is how many are neither ready nor in need of a person: starting,
// waiting, or not heard of yet.
func (t Tally) onTheirWay() int32 { return t.Total - t.Ready - t.attention() - t.Others - t.Away }

// awaitsTrial reports whether nothing but a trial start is awaited, which has a bound of its
// own (trialEnds).
func (t Tally) awaitsTrial() bool {
	return t.Trial.Pending && t.Trial.Unread == "" && !t.Unread && t.onTheirWay() == 0
}
