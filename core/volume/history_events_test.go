package volume_test

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// pass lets hours to months pass, or the time until the next reconciliation.
func pass(h *history) {
	minutes := h.pause()
	h.elapse(minutes)
	h.tell("%d minutes later", minutes)
}

// pause returns a number of minutes in which nothing happens.
func (h *history) pause() int {
	minutes, _ := pick(h, []int{60, day / 2, day, day, 3 * day, 10 * day, 31 * day, 31 * day, 90 * day})
	if wait := int(h.next.Sub(h.clock()).Minutes()) + 1; !h.next.IsZero() && wait > 0 && h.random.IntN(2) == 0 {
		return wait
	}
	return minutes
}

// elapse lets minutes pass. A controller that runs renews the Lease all the time.
func (h *history) elapse(minutes int) {
	h.minute += minutes
	if last := &h.lease.last; !h.down {
		last.Ours, last.Theirs = last.Ours.Add(time.Duration(minutes)*time.Minute), last.Theirs.Add(time.Duration(minutes)*time.Minute)
	}
}

func suspend(h *history) { h.setSuspend(true) }
func resume(h *history)  { h.setSuspend(false) }

func (h *history) setSuspend(suspend bool) {
	if h.suspended == suspend {
		return
	}
	h.suspended = suspend
	if h.course != nil {
		h.course.Spec.Suspend = suspend
		h.edited()
		h.takeEffect()
		h.watched = h.minute
	}
	h.tell("suspended: %t", suspend)
}

func (t *term) edited() {
	if t.course != nil {
		t.course.Generation++
	}
}

// edit changes the Course. No controller has observed the change yet.
func edit(h *history) {
	h.edited()
	h.tell("the Course is edited")
}

// breakRosters puts an error into the rosters or not, and sets the condition RosterValid
// of the Course to any value.
func breakRosters(h *history) {
	if h.random.IntN(2) == 0 {
		h.unread = true
		h.tell("the rosters have an error")
	}
	if h.course == nil {
		return
	}
	valid, _ := pick(h, []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown})
	h.setValid(valid)
	h.tell("the rosters are valid: %s", valid)
}

// mend creates a missing Course, corrects the rosters, and lets the Course take effect.
func mend(h *history) {
	if h.course == nil {
		h.rebuildCourse()
	}
	h.unread = false
	h.takeEffect()
	h.tell("the Course is right")
}

// mendAll ends every outage, suspension, error and wrong clock.
func (h *history) mendAll() {
	h.minute++
	endOutage(h)
	resume(h)
	mend(h)
	slew(h)
	clear(h.rows)
	clear(h.visited)
	h.renew()
	h.tell("all is right")
}

// dropCourse deletes the Course. If there is none, it makes the Course from git.
func dropCourse(h *history) {
	if h.course == nil {
		h.rebuildCourse()
		return
	}
	h.course = nil
	h.tell("the Course is deleted")
}

func (h *history) rebuildCourse() {
	h.course, h.watched = h.fromGit(), h.minute
	h.tell("the Course is made from git")
}

// enrol writes a row. The event appear makes its Userland, unless the event strike comes
// first.
func enrol(h *history) {
	person, _ := pick(h, people)
	if len(h.of(person)) == 0 {
		h.rows[h.spelling[person]] = true
		h.tell("a row has %s", h.spelling[person])
	}
}

func appear(h *history) {
	for _, login := range slices.Sorted(maps.Keys(h.rows)) {
		template, _ := pick(h, templates)
		name := h.newName()
		h.add(name, login, template)
		h.tell("%s is made for the row of %s", name, login)
	}
	clear(h.rows)
}

func strike(h *history) {
	clear(h.rows)
	h.tell("no row is left without a Userland")
}

// outage stops the controller. Clocks may be set while no controller runs.
func outage(h *history) {
	if !h.down {
		h.stop()
	}
}

// stop stops the controller.
func (h *history) stop() {
	h.down, h.ended = true, h.minute
	h.tell("no controller runs")
}

// endOutage starts a controller. The first ones may be killed before they write anything.
func endOutage(h *history) {
	if !h.down {
		return
	}
	h.minute += h.random.IntN(40)
	h.hideOutage()
	h.outageEnds()
	h.takeOver()
	h.tell("a controller runs after %d minutes", h.minute-h.ended)
	for range h.random.IntN(3) {
		h.minute += h.random.IntN(10)
		h.takeOver()
		h.tell("it is killed, and another one takes over")
	}
	h.down = false
}

// hideOutage may let one of the clocks show the time at which the outage began. Either
// the clock is behind now, or it was ahead when the outage began and is right now.
func (h *history) hideOutage() {
	ours, theirs := minuteOf(h.lease.last.Ours), minuteOf(h.lease.last.Theirs)
	switch h.random.IntN(8) {
	case 0:
		h.ahead, h.server = ours-h.minute, 0
	case 1:
		h.ahead, h.server = 0, theirs-h.minute
	case 2:
		h.minute, h.ahead, h.server = max(h.minute, ours), 0, 0
	case 3:
		h.minute, h.ahead, h.server = max(h.minute, theirs), 0, 0
	default:
		return
	}
	h.tell("a clock may hide the outage: the controller's is %d minutes ahead, the API server's %d", h.ahead, h.server)
}

// freeze stops the process of the controller for a while and continues it. A clock may be
// set in between.
func freeze(h *history) {
	if h.down {
		return
	}
	h.ended = h.minute
	h.minute += h.pause()
	h.hideOutage()
	h.outageEnds()
	h.renew()
	h.tell("the controller was frozen for %d minutes", h.minute-h.ended)
}

// confirm lets volumes expire although there is no Course, or ends that.
func confirm(h *history) {
	h.confirmed = !h.confirmed
	h.tell("volumes expire without a Course: %t", h.confirmed)
}

// drop removes all Userlands.
func drop(h *history) {
	for _, name := range h.names() {
		h.tell("%s is dropped", name)
		h.remove(name)
	}
}

// misset sets one clock wrong by up to two months, and the other one right.
func misset(h *history) {
	h.ahead, h.server = 0, 0
	by := (h.random.IntN(120) - 60) * day
	if h.random.IntN(2) == 0 {
		h.ahead = by
	} else {
		h.server = by
	}
	h.tell("the clocks are ahead: the controller's %d days, the API server's %d", h.ahead/day, h.server/day)
}

func correct(h *history) {
	h.ahead, h.server = 0, 0
	h.tell("the clocks are right")
}

// slew corrects the clocks in small steps, so that no renewal of the Lease sees a jump.
func slew(h *history) {
	correct(h)
	if !h.down {
		h.lease.last = h.moment()
	}
}

// ask asks to keep a claim for longer, or to let it go.
func ask(h *history) {
	one, found := pick(h, h.claims)
	if !found || h.course == nil {
		return
	}
	until, _ := pick(h, []string{v1alpha1.KeepForever, volume.Stamp(at(h.minute - 60)), volume.Stamp(at(h.minute - 60)), volume.Stamp(at(h.minute).Add(5 * 24 * time.Hour))})
	request := v1alpha1.VolumeRequest{Claim: one.name(), At: metav1.NewTime(at(h.minute)), KeepUntil: until}
	h.course.Status.Requests = volume.Ask(h.course.Status.Requests, request, h.kept())
	h.tell("a person asks to keep %s until %s", one.name(), until)
}

// visit lets a pod of another program mount a claim.
func visit(h *history) {
	if one, found := pick(h, h.claims); found {
		h.visited[one.name()] = true
		h.tell("another pod mounts %s", one.name())
	}
}

func endVisits(h *history) {
	clear(h.visited)
	h.tell("no other pod mounts anything")
}
