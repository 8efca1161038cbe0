package reporter

import (
	"maps"
	"slices"

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
	// Templates holds the generation of each Template by name.
	Templates map[string]int64
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

// Take counts the carrels of a class.
func (c Class) Take() Tally {
	missing := sets.New(c.Expected...)
	caughtUp := make([]v1alpha1.Userland, 0, len(c.Userlands))
	for i := range c.Userlands {
		missing.Delete(c.Userlands[i].Name)
		if c.caughtUp(&c.Userlands[i]) {
			caughtUp = append(caughtUp, c.Userlands[i])
		}
	}
	tally := Tally{
		UserlandCounts: health.Count(caughtUp), Templateless: templateless(caughtUp), Waiting: causes(caughtUp),
		Unread: c.Unread, Objection: c.Objection, Suspended: c.Suspended, Expiring: c.Expiring,
	}
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
func (t Tally) attention() int32 {
	var sum int32
	for _, count := range t.Attention {
		sum += count
	}
	return sum
}

// onTheirWay is how many are neither ready nor in need of a person: starting,
// waiting, or not heard of yet.
func (t Tally) onTheirWay() int32 { return t.Total - t.Ready - t.attention() }
