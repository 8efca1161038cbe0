package volume_test

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

const day = 24 * 60

// A promise holds the truth about how long a claim is kept. Times are minutes.
type promise struct {
	// unneeded is the minute since which nobody has needed the claim. 0 means that it was
	// needed at the last reconciliation.
	unneeded int
	// asked is the value of the label that a person asked for; empty if nobody did.
	asked string
	// told is the minute of the last announcement of its deletion, and toldOf the value of
	// the label that was announced.
	told   int
	toldOf string
	// toldWithout is set if there was no Course at the announcement.
	toldWithout bool
	// held is set once a pod was ready with it, even if no controller recorded that.
	held bool
}

// standing returns the claims that somebody needs by the table, and the claims about which
// a person has to decide.
func (c *class) standing() (needed, open map[*claim]bool) {
	needed, open = map[*claim]bool{}, map[*claim]bool{}
	for _, d := range c.desks {
		for _, v := range c.carrelOf(d).Volumes {
			counts, undecided := c.counts(d, v)
			switch {
			case undecided:
				c.openAll(d, v, open)
			case counts == nil:
			case (counts.worked || counts.act() > 0) && len(c.rivals(d, v, counts)) > 0:
				open[counts] = true
			default:
				needed[counts] = true
			}
		}
	}
	for _, one := range c.claims {
		if c.isMounted(one) {
			needed[one] = true
		}
		_, promised := one.object.Labels[v1alpha1.KeepUntilLabel]
		// A promise that was made before another person got the name stands.
		if usurper := c.desks[one.carrel]; usurper != nil && len(c.of(one.owner)) == 0 && !promised {
			open[one] = true
		}
	}
	return needed, open
}

// openAll marks the candidates of a place that is undecided.
func (c *class) openAll(d *desk, v string, open map[*claim]bool) {
	mine, otherSpelling := c.candidates(d, v)
	if len(mine) == 0 {
		mine = otherSpelling
	}
	for _, one := range mine {
		open[one] = true
	}
}

// note records the present minute for claims that are no longer needed.
func (c *class) note() {
	needed, open := c.standing()
	for _, one := range c.claims {
		if one.unneeded == 0 && !needed[one] && !open[one] {
			one.unneeded = c.minute
		}
	}
}

// saw checks after a reconciliation that no needed claim has a date, and forgets their
// promises. A suspended course is not reconciled.
func (c *class) saw() {
	if c.suspends() {
		return
	}
	needed, _ := c.standing()
	for _, one := range c.claims {
		if needed[one] {
			one.unneeded, one.asked = 0, ""
			if label, dated := one.object.Labels[v1alpha1.KeepUntilLabel]; dated {
				c.history.fail("%s is needed and dated: %s", one.name(), label)
			}
		}
	}
}

// inGit reports whether a row or a Userland names the owner of a claim. Rows count only
// while there is a Course.
func (c *class) inGit(of *claim) bool {
	for login := range c.rows {
		if c.course != nil && person(login) == person(of.owner) {
			return true
		}
	}
	return len(c.of(of.owner)) > 0
}

// checkDating checks that a claim may be given a date.
func (c *class) checkDating(one *claim) {
	needed, open := c.standing()
	switch {
	case needed[one]:
		c.history.fail("%s is dated while it is needed", one.name())
	case open[one] && one.object.Labels[v1alpha1.KeepUntilLabel] == "":
		c.history.fail("%s is dated while it is undecided", one.name())
	case c.suspends():
		c.history.fail("%s is dated while the course is suspended", one.name())
	case c.course != nil && len(c.of(one.owner)) == 0 && (c.unread || c.inGit(one)):
		c.history.fail("%s is dated while a row may name %s", one.name(), one.owner)
	}
}

// checkDiscard checks that a claim is empty and may be deleted at once.
func (c *class) checkDiscard(one *claim) {
	needed, open := c.standing()
	if one.held || needed[one] || open[one] || c.suspends() {
		c.history.fail("%s is discarded: work %t, needed %t, undecided %t", one.name(), one.held, needed[one], open[one])
	}
}

// checkDeletion checks that a promise is kept.
func (c *class) checkDeletion(one *claim) {
	needed, open := c.standing()
	why := c.objection()
	switch {
	case why != "":
		c.history.fail("%s is deleted though %s", one.name(), why)
	case needed[one], open[one]:
		c.history.fail("%s is deleted while needed %t, undecided %t", one.name(), needed[one], open[one])
	case c.isMounted(one), c.inPod(one):
		c.history.fail("%s is deleted while it is mounted", one.name())
	case c.inGit(one):
		c.history.fail("%s is deleted while %s is in git", one.name(), one.owner)
	case c.early(one) > 0:
		c.history.fail("%s is deleted %s too early", one.name(), c.early(one))
	case one.toldOf != one.object.Labels[v1alpha1.KeepUntilLabel]:
		c.history.fail("%s is deleted, and was announced for %q", one.name(), one.toldOf)
	case c.course == nil && !one.toldWithout:
		c.history.fail("%s is deleted without a Course, and was announced in one", one.name())
	case c.minute-max(one.told, c.noticed()) < one.notice():
		c.history.fail("%s is deleted %d minutes after the announcement, watched for %d", one.name(), c.minute-one.told, c.minute-c.noticed())
	}
}

// noticed returns the minute from which an announcement counts.
func (c *class) noticed() int {
	if c.course == nil {
		return c.ran
	}
	return c.watched
}

// objection returns why nothing may be deleted; empty if nothing forbids it.
func (c *class) objection() string {
	switch {
	case c.course == nil && c.confirmed:
		return ""
	case c.course == nil:
		return "there is no Course"
	case c.suspends():
		return "the course is suspended"
	case c.unread:
		return "the rosters have an error"
	case c.course.Generation != c.course.Status.ObservedGeneration:
		return "the Course is not observed"
	case !meta.IsStatusConditionPresentAndEqual(c.course.Status.Conditions, v1alpha1.RosterValidCondition, metav1.ConditionTrue):
		return "the rosters are not valid"
	default:
		return ""
	}
}

// early returns for how much longer a claim has to be kept; 0 or less if its time is over.
func (c *class) early(one *claim) time.Duration {
	const ever = 100 * 365 * 24 * time.Hour
	if one.asked != "" {
		until, err := time.Parse(v1alpha1.KeepUntilLayout, one.asked)
		if err != nil {
			return ever
		}
		return until.Sub(at(c.minute))
	}
	retain, err := timetable.ParsePeriod(retainOf[one.volume])
	if err != nil || one.unneeded == 0 {
		return ever
	}
	return at(one.unneeded).Add(retain).Sub(at(c.minute))
}

// notice returns for how many minutes the announcement of a deletion has to stand.
func (c *claim) notice() int {
	if retainOf[c.volume] == "12h" {
		return day / 2
	}
	return day
}

// expireAll lets time pass until the controller asks for no further reconciliation, and
// checks that every claim that is due was deleted.
func (h *history) expireAll() {
	h.keep()
	for range 100 {
		if h.fault != "" || h.next.IsZero() {
			break
		}
		h.elapse(max(1, int(h.next.Sub(at(h.minute)).Minutes())+1))
		h.keep()
	}
	if !h.next.IsZero() {
		h.fail("the controller still wants to look at %s", h.next)
	}
	_, open := h.standing()
	for _, one := range h.claims {
		if one.worked && one.unneeded > 0 && !open[one] && !h.inGit(one) && h.early(one) <= 0 {
			h.fail("%s is still there, %d days after anybody needed it", one.name(), (h.minute-one.unneeded)/day)
		}
	}
}
