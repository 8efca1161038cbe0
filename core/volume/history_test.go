package volume_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/core/volume"
)

const (
	histories = 10000
	steps     = 50
)

// TestHistoriesOfVolumes lets random events happen to a class, and checks that each person
// is given the claims that the table in docs/decisions/0016-whose-a-volume-is.md demands,
// and that no claim is dated or deleted early. A failure prints its seed and the history.
func TestHistoriesOfVolumes(t *testing.T) {
	n := histories
	if testing.Short() {
		n /= 10
	}
	seen := map[string]int{}
	for seed := range n {
		h := newHistory(uint64(seed))
		for range steps {
			h.step()
			if h.fault != "" {
				t.Fatalf("seed %d: %s\n%s", seed, h.fault, strings.Join(h.log, "\n"))
			}
		}
		h.end()
		if h.fault != "" {
			t.Fatalf("seed %d, at the end: %s\n%s", seed, h.fault, strings.Join(h.log, "\n"))
		}
		for what, times := range h.seen {
			seen[what] += times
		}
	}
	for _, what := range []string{given, fresh, undecided, foreign, "exchanged", "restored first", "restored last", "rebuilt", "both spellings", "killed",
		"dated", "announced", "deleted", "returned", "discarded", "answered", "refused", "too early by one clock", "outage", "deleted without a Course"} {
		if seen[what] < n/200 {
			t.Errorf("in %d histories, %q was seen %d times only", n, what, seen[what])
		}
	}
	t.Logf("in %d histories of %d steps: %v", n, steps, seen)
}

// A history is a class with the log of the events.
type history struct {
	*class
	random *rand.Rand
	log    []string
	seen   map[string]int
}

func newHistory(seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 16)), seen: map[string]int{}}
	h.class = newClass(h)
	h.takeOver()
	return h
}

func (h *history) tell(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf("%s  ", volume.Stamp(at(h.minute)))+fmt.Sprintf(format, args...))
}

// fail records the first fault of the history.
func (h *history) fail(format string, args ...any) {
	if h.fault == "" {
		h.fault = fmt.Sprintf(format, args...)
	}
}

// An event changes the class, or what it depends on.
type event func(*history)

// events concern whose the claims are, and keepings how long they are kept.
var (
	events = []event{
		join, join, join, leave, rename, move, changeDefault, open, open, ready, ready, ready, sleep, reset, decide, decide, spell, both, disaster, comeBack, comeBack, strip,
	}
	keepings = []event{
		pass, pass, pass, pass, pass, pass, pass, suspend, resume, resume, mend, mend, mend, edit, breakRosters, dropCourse,
		drop, drop, enrol, appear, strike, outage, endOutage, endOutage, freeze, confirm, misset, misset, correct, slew, slew, ask, ask, visit, endVisits,
	}
)

// step lets one event happen, and then the controller reconcile. The controller may be
// killed in between.
func (h *history) step() {
	h.minute++
	if h.random.IntN(5) > 1 {
		events[h.random.IntN(len(events))](h)
	} else {
		keepings[h.random.IntN(len(keepings))](h)
	}
	if h.random.IntN(4) == 0 {
		h.kill()
	}
	if h.random.IntN(3) > 0 {
		h.settle()
	}
	if !h.down {
		h.renew()
	}
	h.keep()
}

// kill reconciles the class until the controller is killed at one of its writes. Another
// controller takes over at once, or later.
func (h *history) kill() {
	if h.down {
		return
	}
	h.dies = 1 + h.random.IntN(5)
	h.round()
	if h.dies > 0 {
		h.keep()
	}
	dead := h.dies == 0
	h.dies = 0
	if !dead {
		return
	}
	h.stop()
	if h.random.IntN(2) == 0 {
		h.down = false
		h.takeOver()
	}
}

// end corrects everything, lets the controller settle, and lets all claims expire that
// nobody needs.
func (h *history) end() {
	h.mendAll()
	if h.random.IntN(4) == 0 {
		h.course, h.confirmed = nil, true
		h.tell("the Course is gone for good")
	}
	h.settle()
	h.expireAll()
}

// settle reconciles all Userlands until the controller writes nothing.
func (h *history) settle() {
	for range 5 {
		if !h.round() {
			return
		}
	}
	h.fail("it writes and writes")
}

// round reconciles all Userlands once, in a random order. It reports whether it wrote.
func (h *history) round() (wrote bool) {
	names := h.names()
	h.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		wrote = h.look(name) || wrote
	}
	return wrote
}

func pick[T any](h *history, from []T) (chosen T, found bool) {
	if len(from) == 0 {
		return chosen, false
	}
	return from[h.random.IntN(len(from))], true
}

var people = []string{"aoi", "ema"}

// join adds a Userland: under a new name, or one that was in use before.
func join(h *history) {
	person, _ := pick(h, people)
	name := h.newName()
	if former, found := pick(h, h.former); found && h.random.IntN(2) == 0 {
		name = former
	}
	if h.desks[name] != nil || len(h.of(person)) > 1 {
		return
	}
	template, _ := pick(h, templates)
	h.add(name, h.spelling[person], template)
	h.tell("%s joins as %s with %s", h.spelling[person], name, template)
}

func leave(h *history) {
	if name, found := pick(h, h.names()); found {
		h.tell("%s leaves", name)
		h.remove(name)
	}
}

// rename gives a carrel another name, as if a cell were filled or a file became a row.
func rename(h *history) {
	if name, found := pick(h, h.names()); found {
		d := h.desks[name]
		now := h.newName()
		h.remove(name)
		h.add(now, d.user, d.template)
		h.tell("%s is %s now", name, now)
	}
}

// move gives a carrel another Template.
func move(h *history) {
	template, _ := pick(h, templates)
	if name, found := pick(h, h.names()); found {
		h.desks[name].template = template
		h.tell("%s follows %s", name, template)
	}
}

// changeDefault gives all carrels that follow one Template another one, as a change of the
// Template of the course does.
func changeDefault(h *history) {
	former, _ := pick(h, templates)
	template, _ := pick(h, templates)
	for _, name := range h.names() {
		if h.desks[name].template == former {
			h.desks[name].template = template
		}
	}
	h.tell("the Template of the course is %s in the place of %s", template, former)
}

func open(h *history) {
	if name, found := pick(h, h.names()); found {
		h.desks[name].wanted = true
		h.tell("%s is opened", name)
	}
}

func sleep(h *history) {
	if name, found := pick(h, h.names()); found {
		h.desks[name].wanted = false
		h.tell("%s sleeps", name)
	}
}

// ready lets pods become ready and their users work. No controller is needed for that.
func ready(h *history) {
	for _, name := range h.names() {
		if d := h.desks[name]; d.pod != nil && !d.ready && h.random.IntN(2) == 0 {
			h.work(d)
			h.tell("%s works", name)
		}
	}
}

func reset(h *history) {
	if name, found := pick(h, h.names()); found {
		h.desks[name].resetAt, h.desks[name].wanted = h.minute, true
		h.tell("%s asks for fresh volumes", name)
	}
}

// decide lets a person decide which claim counts, by a label or by restored-at. People do
// so after a restore, to undo a reset, or because the controller could not decide.
func decide(h *history) {
	c, found := pick(h, h.claims)
	if !found {
		return
	}
	if name, others := pick(h, h.of(person(c.owner))); others && h.random.IntN(3) == 0 && !h.isMounted(c) {
		h.label(c, name)
		h.tell("a person labels %s for %s", c.name(), name)
		return
	}
	h.restored(c)
	h.tell("a person decides for %s", c.name())
}

// spell changes the case of a login in all Userlands of a person.
func spell(h *history) {
	person, _ := pick(h, people)
	h.spelling[person] = map[string]string{"aoi": "Aoi", "Aoi": "aoi", "ema": "EMA", "EMA": "ema"}[h.spelling[person]]
	for _, name := range h.of(person) {
		h.desks[name].user = h.spelling[person]
	}
	h.tell("%s is spelled %s", person, h.spelling[person])
}

// both adds a Userland with another spelling of a login beside the one there is.
func both(h *history) {
	person, _ := pick(h, people)
	if of := h.of(person); len(of) == 1 {
		other := strings.ToUpper(person)
		h.add(h.newName(), other, h.desks[of[0]].template)
		h.seen["both spellings"]++
		h.tell("%s joins beside %s", other, of[0])
	}
}

// disaster loses the cluster and rebuilds it from git with other names of Userlands. The
// claims come back before the carrels, or later. Some Userlands are made from rows later,
// by the event appear.
func disaster(h *history) {
	if h.random.IntN(3) > 0 {
		return
	}
	for _, name := range h.names() {
		d := h.desks[name]
		h.remove(name)
		if h.random.IntN(3) == 0 {
			h.rows[d.user] = true
			continue
		}
		h.add(h.newName(), d.user, d.template)
	}
	h.rebuildCourse()
	h.lost = append(h.lost, h.claims...)
	h.claims = nil
	h.seen["rebuilt"]++
	h.tell("the cluster is rebuilt")
	if h.random.IntN(2) == 0 {
		h.seen["restored first"]++
		h.restore(false)
	}
}

// comeBack restores the claims that a disaster took.
func comeBack(h *history) {
	if len(h.lost) > 0 {
		h.seen["restored last"]++
		h.restore(h.random.IntN(2) == 0)
	}
}

// strip removes the name of the Userland from the label of a claim.
func strip(h *history) {
	if c, found := pick(h, h.claims); found {
		h.label(c, "")
		h.tell("somebody takes the label of %s", c.name())
	}
}

// compare compares a decision of the controller with the table.
func (h *history) compare(name string, got map[string]string) {
	want := h.oracle(name)
	for volume, what := range got {
		if want[volume] != what {
			h.fail("%s is given for %s: %s, want %s", name, volume, what, want[volume])
		}
		switch what {
		case fresh, undecided, foreign:
			h.seen[what]++
		default:
			h.seen[given]++
		}
	}
	if len(want) != len(got) && !slicesHave(got, undecided, foreign) {
		h.fail("%s is given %v, want %v", name, got, want)
	}
}

func slicesHave(got map[string]string, any ...string) bool {
	for what := range maps.Values(got) {
		for _, one := range any {
			if what == one {
				return true
			}
		}
	}
	return false
}
