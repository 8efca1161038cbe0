package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// subject is what an event happens to. Two events at one moment that happen to
// different subjects may come in either order.
type subject int

const (
	ofUser subject = iota
	ofTemplate
	ofCourse
	ofController
	ofClock
)

// An event is something that can happen in a history.
type event struct {
	// says is the sentence about it, with the user or the argument.
	says    string
	subject subject
	weight  int
	// args are the arguments to choose from, in the unit of the event.
	args []int
	// missed is set if what comes of it depends on whether a controller runs: a request
	// for fresh volumes is void if the row is dropped before a controller has seen it.
	missed bool
	play   func(c *cluster, s *seat, arg int)
}

// A step is one event of a history.
type step struct {
	event int
	who   string
	arg   int
}

// String returns the step as a sentence.
func (s step) String() string {
	e := events[s.event]
	switch {
	case e.subject == ofUser && len(e.args) > 0:
		return fmt.Sprintf(e.says, s.who, s.arg)
	case e.subject == ofUser:
		return fmt.Sprintf(e.says, s.who)
	case len(e.args) > 0:
		return fmt.Sprintf(e.says, s.arg)
	default:
		return e.says
	}
}

// commutes reports whether two steps at one moment may come in either order.
func (s step) commutes(other step) bool {
	a, b := events[s.event].subject, events[other.event].subject
	switch {
	case events[s.event].missed || events[other.event].missed:
		return a == ofUser && b == ofUser && s.who != other.who
	case a == ofUser && b == ofUser:
		return s.who != other.who
	default:
		return a == ofUser && b == ofController || a == ofController && b == ofUser
	}
}

// stampAt returns a moment as the API server keeps it.
func stampAt(t time.Time) *metav1.Time { return ptr.To(metav1.NewTime(t)) }

// ask puts a request into the status of a Userland, as the gateway does.
func ask(s *seat, change func(*v1alpha1.Requests)) {
	if s.userland == nil {
		return
	}
	if s.userland.Status.Requests == nil {
		s.userland.Status.Requests = &v1alpha1.Requests{}
	}
	change(s.userland.Status.Requests)
	s.dirty = true
}

// visit records that the user was seen.
func (c *cluster) visit(s *seat, at time.Time) {
	if s.userland != nil {
		s.userland.Status.LastActivityTime = stampAt(at)
		s.dirty = true
	}
}

func enable(s *seat, enabled bool) {
	if s.userland != nil && s.userland.Enabled() != enabled {
		s.userland.Spec.Enabled = ptr.To(enabled)
		s.userland.Generation++
		s.dirty = true
	}
}

func refuse(answer refusal) func(*cluster, *seat, int) {
	return func(_ *cluster, s *seat, _ int) { s.refusal, s.dirty = answer, true }
}

func answers(p probe) func(*cluster, *seat, int) {
	return func(_ *cluster, s *seat, _ int) { s.probe = p }
}

func behaves(p program) func(*cluster, *seat, int) {
	return func(_ *cluster, s *seat, _ int) { s.program = p }
}

func (c *cluster) removeTemplate(*seat, int) {
	c.template = nil
	c.memory.grants = map[string]string{}
	c.watch()
}

// events are all that can happen.
var events = []event{
	{says: "%s visits", weight: 14, subject: ofUser, play: func(c *cluster, s *seat, _ int) { c.visit(s, c.now) }},
	{says: "%s visits, by a clock that is %d minutes ahead", subject: ofUser, weight: 1, args: []int{1, 90}, play: func(c *cluster, s *seat, arg int) { c.visit(s, c.now.Add(time.Duration(arg)*time.Minute)) }},
	{says: "%s asks for a restart", subject: ofUser, weight: 4, play: func(c *cluster, s *seat, _ int) { ask(s, func(r *v1alpha1.Requests) { r.RestartAt = stampAt(c.now) }) }},
	{says: "%s asks for a restart in %d minutes", subject: ofUser, weight: 1, args: []int{1, 70}, play: func(c *cluster, s *seat, arg int) {
		ask(s, func(r *v1alpha1.Requests) { r.RestartAt = stampAt(c.now.Add(time.Duration(arg) * time.Minute)) })
	}},
	{says: "%s asks to stop", subject: ofUser, weight: 3, play: func(c *cluster, s *seat, _ int) { ask(s, func(r *v1alpha1.Requests) { r.StopAt = stampAt(c.now) }) }},
	{says: "%s asks to be kept for %d minutes", subject: ofUser, weight: 2, args: []int{30, 120}, play: func(c *cluster, s *seat, arg int) {
		ask(s, func(r *v1alpha1.Requests) { r.KeepUntil = stampAt(c.now.Add(time.Duration(arg) * time.Minute)) })
	}},
	{says: "%s asks for fresh volumes", subject: ofUser, weight: 2, missed: true, play: func(c *cluster, s *seat, _ int) {
		if s.userland != nil {
			s.resets++
		}
		ask(s, func(r *v1alpha1.Requests) { r.ResetAt = stampAt(c.now) })
	}},
	{says: "git disables %s", subject: ofUser, weight: 3, play: func(_ *cluster, s *seat, _ int) { enable(s, false) }},
	{says: "git enables %s", subject: ofUser, weight: 3, play: func(_ *cluster, s *seat, _ int) { enable(s, true) }},
	{says: "git drops %s", subject: ofUser, weight: 2, missed: true, play: func(c *cluster, s *seat, _ int) { c.leave(c.nameOf(s)) }},
	{says: "git adds %s", subject: ofUser, weight: 3, play: func(c *cluster, s *seat, _ int) {
		if s.userland == nil {
			c.join(c.nameOf(s), c.nameOf(s))
		}
	}},
	{says: "git gives the name of %s to another user", subject: ofUser, weight: 1, missed: true, play: func(c *cluster, s *seat, _ int) {
		c.leave(c.nameOf(s))
		c.join(c.nameOf(s), "another-"+c.nameOf(s))
	}},
	{says: "the API server refuses the Deployment of %s: 400", subject: ofUser, weight: 1, play: refuse("400")},
	{says: "the API server refuses the Deployment of %s: 403", subject: ofUser, weight: 2, play: refuse("403")},
	{says: "the API server refuses the Deployment of %s: 409", subject: ofUser, weight: 1, play: refuse("409")},
	{says: "the API server refuses the Deployment of %s: 422", subject: ofUser, weight: 1, play: refuse("422")},
	{says: "the API server refuses the Deployment of %s: quota", subject: ofUser, weight: 1, play: refuse("quota")},
	{says: "the API server has no time for %s: 429", subject: ofUser, weight: 1, play: refuse("429")},
	{says: "the API server fails for %s: 500", subject: ofUser, weight: 1, play: refuse("500")},
	{says: "the API server does not answer for %s", subject: ofUser, weight: 1, play: refuse("timeout")},
	{says: "the API server takes the Deployment of %s, and nothing reports it", subject: ofUser, weight: 5, play: func(_ *cluster, s *seat, _ int) { s.refusal = "" }},
	{says: "the program of %s works", subject: ofUser, weight: 4, play: behaves(programGood)},
	{says: "the program of %s crashes", subject: ofUser, weight: 2, play: behaves(programCrashes)},
	{says: "the program of %s hangs from its next start on", subject: ofUser, weight: 1, play: behaves(programHangs)},
	{says: "the pod of %s is lost", subject: ofUser, weight: 2, play: func(_ *cluster, s *seat, _ int) { s.pods = nil }},
	{says: "the node of %s stops to report", subject: ofUser, weight: 2, play: func(c *cluster, s *seat, _ int) {
		for _, p := range s.pods {
			p.lostAt = c.now
		}
	}},
	{says: "the node of %s reports again", subject: ofUser, weight: 2, play: func(_ *cluster, s *seat, _ int) { s.recover() }},
	{says: "the Deployment of %s is deleted by hand", subject: ofUser, weight: 1, play: func(_ *cluster, s *seat, _ int) {
		s.deployment, s.pods, s.dirty = nil, nil, true
	}},
	{says: "the software of %s says that it is not used", subject: ofUser, weight: 1, play: answers(probeUnused)},
	{says: "the software of %s says that it is used", subject: ofUser, weight: 2, play: answers(probeUsedNow)},
	{says: "the software of %s does not say when it was used", subject: ofUser, weight: 2, play: answers(probeFails)},

	{says: "the Template gets image %d", subject: ofTemplate, weight: 5, args: []int{1, 2, 3}, play: func(c *cluster, _ *seat, arg int) { c.edit("good", arg) }},
	{says: "the Template gets image %d, which crashes", subject: ofTemplate, weight: 2, args: []int{4, 5}, play: func(c *cluster, _ *seat, arg int) { c.edit("bad", arg) }},
	{says: "the Template gets image %d, which the API server refuses", subject: ofTemplate, weight: 1, args: []int{6}, play: func(c *cluster, _ *seat, arg int) { c.edit("invalid", arg) }},
	{says: "the Template can't be judged", subject: ofTemplate, weight: 2, play: func(c *cluster, _ *seat, _ int) { c.unjudged = true }},
	{says: "the Template can be judged", subject: ofTemplate, weight: 3, play: func(c *cluster, _ *seat, _ int) { c.unjudged = false }},
	{says: "the Template rolls out on the next start", subject: ofTemplate, weight: 1, play: func(c *cluster, _ *seat, _ int) {
		c.change(func(t *v1alpha1.TemplateSpec) { t.Rollout = v1alpha1.Rollout{} })
	}},
	{says: "the Template rolls out immediately", subject: ofTemplate, weight: 3, play: func(c *cluster, _ *seat, _ int) {
		c.change(func(t *v1alpha1.TemplateSpec) { t.Rollout = v1alpha1.Rollout{When: v1alpha1.RolloutImmediate} })
	}},
	{says: "the Template rolls out within %d hours", subject: ofTemplate, weight: 1, args: []int{1, 2}, play: func(c *cluster, _ *seat, arg int) {
		c.change(func(t *v1alpha1.TemplateSpec) { t.Rollout = v1alpha1.Rollout{Deadline: fmt.Sprintf("%dh", arg)} })
	}},
	{says: "the Template stops nobody for idleness", subject: ofTemplate, weight: 1, play: func(c *cluster, _ *seat, _ int) {
		c.change(func(t *v1alpha1.TemplateSpec) { t.Idle = nil })
	}},
	{says: "the Template stops whoever is idle for an hour", subject: ofTemplate, weight: 2, play: func(c *cluster, _ *seat, _ int) {
		c.change(func(t *v1alpha1.TemplateSpec) { t.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: idleAfter}} })
	}},
	{says: "the Template asks the software before it stops it", subject: ofTemplate, weight: 2, play: func(c *cluster, _ *seat, _ int) {
		c.change(func(t *v1alpha1.TemplateSpec) {
			t.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: idleAfter}, Probe: &v1alpha1.IdleProbe{Path: "/api/status"}}
		})
	}},
	{says: "the Template is removed", subject: ofTemplate, weight: 1, play: (*cluster).removeTemplate},
	{says: "the Template is there again", subject: ofTemplate, weight: 2, play: func(c *cluster, _ *seat, _ int) { c.restoreTemplate() }},
	{says: "the revisions are deleted by hand", subject: ofTemplate, weight: 1, play: func(c *cluster, _ *seat, _ int) {
		c.revisions = map[string]lifecycle.Revision{}
		c.watch()
	}},

	{says: "a session of %d minutes begins in ten", subject: ofCourse, weight: 4, args: []int{30, 90}, play: func(c *cluster, _ *seat, arg int) {
		warm := c.now.Add(10 * time.Minute)
		c.sessions = append(c.sessions, session{warm, warm.Add(time.Duration(arg) * time.Minute)})
		c.watch()
	}},
	{says: "a session of %d minutes begins", subject: ofCourse, weight: 4, args: []int{30, 90}, play: func(c *cluster, _ *seat, arg int) {
		c.sessions = append(c.sessions, session{c.now, c.now.Add(time.Duration(arg) * time.Minute)})
		c.watch()
	}},
	{says: "the sessions are taken back", subject: ofCourse, weight: 1, play: func(c *cluster, _ *seat, _ int) { c.sessions = nil; c.watch() }},
	{says: "the term ends in %d minutes", subject: ofCourse, weight: 1, args: []int{0, 60}, play: func(c *cluster, _ *seat, arg int) { c.over = c.now.Add(time.Duration(arg) * time.Minute); c.watch() }},
	{says: "the term goes on", subject: ofCourse, weight: 2, play: func(c *cluster, _ *seat, _ int) { c.over = time.Time{}; c.watch() }},
	{says: "the Course starts %d at once", subject: ofCourse, weight: 2, args: []int{1, 2}, play: func(c *cluster, _ *seat, arg int) { c.course.Spec.MaxStarting = ptr.To(int32(arg)); c.watch() }},
	{says: "the Course starts all at once", subject: ofCourse, weight: 1, play: func(c *cluster, _ *seat, _ int) { c.course.Spec.MaxStarting = nil; c.watch() }},
	{says: "the Course is suspended", subject: ofCourse, weight: 1, play: func(c *cluster, _ *seat, _ int) { c.course.Spec.Suspend = true; c.watch() }},
	{says: "the Course is resumed", subject: ofCourse, weight: 2, play: func(c *cluster, _ *seat, _ int) { c.course.Spec.Suspend = false; c.watch() }},

	{says: "the controller restarts", subject: ofController, weight: 3, play: func(c *cluster, _ *seat, _ int) { c.restart() }},
	{says: "the controller stops", subject: ofController, weight: 2, play: func(c *cluster, _ *seat, _ int) { c.down = true }},
	{says: "the controller runs again", subject: ofController, weight: 4, play: func(c *cluster, _ *seat, _ int) {
		if c.down {
			c.restart()
		}
	}},
	{says: "another version of the controller starts", subject: ofController, weight: 1, play: func(c *cluster, _ *seat, _ int) { c.version++; c.restart() }},

	{says: "%d seconds pass", subject: ofClock, weight: 14, args: []int{1, 3, 10, 59}, play: func(c *cluster, _ *seat, arg int) { c.pass(time.Duration(arg) * time.Second) }},
	{says: "%d minutes pass", subject: ofClock, weight: 14, args: []int{1, 2, 5, 11, 31}, play: func(c *cluster, _ *seat, arg int) { c.pass(time.Duration(arg) * time.Minute) }},
	{says: "%d hours pass", subject: ofClock, weight: 10, args: []int{1, 2, 30}, play: func(c *cluster, _ *seat, arg int) { c.pass(time.Duration(arg) * time.Hour) }},
}

// recover makes all nodes report.
func (s *seat) recover() {
	for _, p := range s.pods {
		p.lostAt = time.Time{}
	}
}

// restoreTemplate makes the Template again as a new object.
func (c *cluster) restoreTemplate() {
	if c.template != nil {
		return
	}
	c.template = newTemplate(c.now)
	c.watch()
}

// nameOf returns the name of a seat.
func (c *cluster) nameOf(s *seat) string {
	for name, found := range c.seats {
		if found == s {
			return name
		}
	}
	return ""
}

// randomStep returns a step, each event as often as its weight says.
func randomStep(random *rand.Rand) step {
	all := 0
	for _, e := range events {
		all += e.weight
	}
	n, chosen := random.IntN(all), 0
	for n >= events[chosen].weight {
		n -= events[chosen].weight
		chosen++
	}
	s := step{event: chosen, who: names[random.IntN(len(names))]}
	if args := events[chosen].args; len(args) > 0 {
		s.arg = args[random.IntN(len(args))]
	}
	return s
}
