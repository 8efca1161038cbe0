package lifecycle_test

import (
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// checkRest checks a class at which the controller has nothing left to do.
func (c *cluster) checkRest(e event) {
	for _, name := range names {
		s := c.seats[name]
		if s.userland == nil {
			continue
		}
		if e.subject == ofClock && s.writes > fewWrites {
			c.report("time alone writes little", "", "%s was given %d statuses", name, s.writes)
		}
		if s.looked && !c.down {
			c.checkSettled(name)
			c.checkAsked(name)
			c.checkStarting(name)
		}
	}
}

// A settled world writes nothing, now and until the next look.
func (c *cluster) checkSettled(name string) {
	s := c.seats[name]
	if did := c.dryLook(name, c.now); did != "" {
		c.report("a settled world writes nothing", "", "%s: %s", name, did)
	}
	const early = "nothing changes before the next look"
	if s.next.IsZero() {
		if did := c.dryLook(name, c.now.Add(50*time.Hour)); did != "" {
			c.report(early, "there is none", "%s, in 50 hours: %s", name, did)
		}
		return
	}
	if before := s.next.Add(-time.Second).Truncate(time.Second); before.After(c.now) {
		if did := c.dryLook(name, before); did != "" {
			c.report(early, "it is too late", "%s, next look %v: at %v %s", name, s.next, before, did)
		}
	}
}

// dryLook returns what a look at a time would change if nothing else had happened;
// empty: nothing.
func (c *cluster) dryLook(name string, at time.Time) string {
	s, now := c.seats[name], c.now
	c.now = at
	defer func() { c.now = now }()
	w, d, _ := c.decide(name, copyOf(c.memory.line))
	outcome := lifecycle.Outcome{Deployment: s.deployment}
	for _, used := range d.Objects.Volumes.Used {
		if used.Claim == nil {
			return fmt.Sprintf("it creates volume claim %s", used.Name)
		}
		outcome.Claims = append(outcome.Claims, *used.Claim)
	}
	if d.Objects.Deployment != nil && (s.deployment == nil || !same(s.deployment, stored(s.deployment, d))) || d.Objects.Replicas != nil {
		if s.refusal == "" {
			return "it applies the Deployment"
		}
		outcome.Deployment, outcome.Err = nil, fmt.Errorf("apply Deployment %q: %w", name, refusals[s.refusal])
	}
	d = lifecycle.Conclude(w, d, outcome)
	switch {
	case d.Writes(w):
		return fmt.Sprintf("it writes the status %s, %+v", d.Status.State, d.Status)
	case d.Event != nil:
		return fmt.Sprintf("it reports the event %+v", *d.Event)
	default:
		return ""
	}
}

// copyOf returns a queue that can be asked without taking a place; nil if it is nil.
func copyOf(line *lifecycle.Line) *lifecycle.Line {
	if line == nil {
		return nil
	}
	return &lifecycle.Line{Limit: line.Limit, Starting: maps.Clone(line.Starting), Waiting: maps.Clone(line.Waiting)}
}

// What people asked for is not forgotten.
func (c *cluster) checkAsked(name string) {
	s := c.seats[name]
	requests, handled := s.userland.Status.Requests, s.userland.Status.Handled
	if requests == nil || s.refusal != "" || c.course.Spec.Suspend || s.userland.Status.State == v1alpha1.StateQueued ||
		s.userland.Status.State == v1alpha1.StateFailing || c.template == nil || c.template.Status.Revision == nil {
		return
	}
	if _, known := c.revisions[c.template.Status.Revision.Name]; !known {
		// It waits for the revision.
		return
	}
	if at := requests.RestartAt; at != nil && !at.After(c.now) && (handled == nil || handled.RestartAt.Before(at)) {
		c.report("what people asked for is not forgotten", "a restart", "%s asked at %v", name, at)
	}
}

// Nobody is starting for ever without a word of what is wrong.
func (c *cluster) checkStarting(name string) {
	s := c.seats[name]
	if s.userland.Status.State != v1alpha1.StateStarting || s.refusal != "" || c.course.Spec.Suspend {
		return
	}
	var since time.Time
	if start := s.userland.Status.LastStartTime; start != nil {
		since = start.Time
	}
	if ready := meta.FindStatusCondition(s.userland.Status.Conditions, v1alpha1.ReadyCondition); ready.LastTransitionTime.After(since) {
		since = ready.LastTransitionTime.Time
	}
	cause := "a pod does not end"
	for _, p := range s.pods {
		began := p.DeletionTimestamp
		if began == nil {
			cause, began = "its program hangs", &p.CreationTimestamp
		}
		if began.After(since) {
			since = began.Time
		}
		if len(p.Status.Conditions) == 1 && p.Status.Conditions[0].LastTransitionTime.After(since) {
			since = p.Status.Conditions[0].LastTransitionTime.Time
		}
	}
	if c.now.Sub(since) > longestStart {
		c.report("nobody is starting for ever", cause, "%s, since %v", name, since)
	}
}

// finish ends all trouble, and checks what must come of any history: who does not
// come sleeps, who comes can work, and both have the latest revision.
func (c *cluster) finish() {
	c.quiet()
	for _, wait := range []time.Duration{time.Minute, 20 * time.Minute, 3 * time.Hour, 12 * time.Hour, time.Minute} {
		c.settle()
		c.pass(wait)
	}
	c.settle()
	for _, name := range names {
		c.checkFinal(name, v1alpha1.StateAsleep, "a carrel that idles goes to sleep in the end")
	}
	for _, name := range names {
		c.visit(c.seats[name], c.now)
	}
	for range 4 {
		c.settle()
		c.pass(time.Minute)
	}
	c.settle()
	for _, name := range names {
		c.checkFinal(name, v1alpha1.StateRunning, "who comes can work in the end")
	}
}

// quiet ends all trouble.
func (c *cluster) quiet() {
	c.restart()
	c.restoreTemplate()
	c.unjudged, c.sessions, c.over, c.course.Spec.Suspend = false, nil, time.Time{}, false
	c.change(func(t *v1alpha1.TemplateSpec) {
		*t = newTemplate(c.now).Spec
		t.Template.Spec.Containers[0].Image = "good:9"
	})
	for _, name := range names {
		s := c.seats[name]
		s.refusal, s.program, s.probe, s.dirty = "", programGood, probeUnused, true
		s.recover()
		owner := name
		if len(s.claims) > 0 {
			owner = c.owners[s.claims[0].Name]
		}
		if s.userland == nil || s.userland.User() != owner {
			c.leave(name)
			c.join(name, owner)
		}
	}
}

// checkFinal checks that a carrel is in a state, or stopped if it is disabled, with
// the latest revision.
func (c *cluster) checkFinal(name, state, invariant string) {
	s := c.seats[name]
	if !s.userland.Enabled() {
		state = v1alpha1.StateDisabled
	}
	switch status := s.userland.Status; {
	case status.State != state:
		c.report(invariant, status.State, "%s is %s instead of %s: %+v", name, status.State, state, status)
	case asksForPod(s.deployment) != (state == v1alpha1.StateRunning), s.live().ready() != (state == v1alpha1.StateRunning):
		c.report(invariant, "its pod", "%s: %+v", name, s.deployment)
	case s.deployment != nil && lifecycle.CurrentRevision(s.deployment) != lifecycle.LatestRevision(c.template):
		c.report("who starts, or stops, takes the latest revision", "", "%s has %s", name, lifecycle.CurrentRevision(s.deployment))
	}
}

// end returns the end state, without what depends on the order by right: when
// somebody started, whether a carrel that is stopped was ever made, and its fresh
// volumes with it, and with that whose it is in the end.
func (c *cluster) end() (state string) {
	for _, name := range names {
		s := c.seats[name]
		ready, handled, made := health.OurConditions(s.userland.Status.Conditions), ptr.Deref(s.userland.Status.Handled, v1alpha1.HandledRequests{}), "stopped"
		if s.wanted() {
			made = madeOf(s.deployment)
		} else {
			handled.ResetAt = nil
		}
		state += fmt.Sprintf("%s: %s %s, %s, pods %d, handled %v\n",
			name, s.userland.Status.State, ready[0].Reason, made, len(s.pods), handled)
	}
	return state
}
