package lifecycle_test

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// A violation is an invariant that did not hold. Those of one invariant and cause
// are one fault.
type violation struct {
	invariant, cause string
	detail           string
}

// fault names the violation without what differs from history to history.
func (v violation) fault() string {
	if v.cause == "" {
		return v.invariant
	}
	return v.invariant + ": " + v.cause
}

func (c *cluster) report(invariant, cause, detail string, args ...any) {
	c.found = append(c.found, violation{invariant: invariant, cause: cause, detail: fmt.Sprintf(detail, args...)})
}

// longestNext is how far ahead a next look may be: the longest moment in a history
// is that of a timetable.
const longestNext = 48 * time.Hour

// longestStart is how long a carrel may be starting before that is a trouble.
const longestStart = 20 * time.Minute

// fewWrites is how many statuses one carrel may be given while only time passes:
// those of a start, a stop and a roll-out.
const fewWrites = 12

// checkPass checks one look of the controller.
func (c *cluster) checkPass(p pass) {
	c.checkStatus(p)
	c.checkNext(p)
	c.checkStart(p)
	c.checkLastStart(p)
	c.checkEnd(p)
	c.checkWork(p)
	c.checkRequests(p)
	c.checkUnopened(p)
	c.checkQueued(p)
}

// The status always has a state, a reason and a message, and the conditions agree.
func (c *cluster) checkStatus(p pass) {
	const invariant = "the status is never without a reason"
	status := p.decision.Status
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ReadyCondition)
	switch {
	case ready == nil && c.course.Spec.Suspend:
	case ready == nil && p.after == nil && !p.decision.Next.IsZero() && c.template != nil && c.template.Status.Revision == nil:
		// A Template that was just made is judged in a moment.
	case ready == nil:
		c.report(invariant, "no Ready condition", "%s: %+v", p.name, status)
	case ready.Reason == "" || ready.Message == "" || status.State == "":
		c.report(invariant, "an empty one", "%s: state %q, %+v", p.name, status.State, ready)
	case (ready.Status == metav1.ConditionTrue) != (!meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ReconcilingCondition) &&
		!meta.IsStatusConditionTrue(status.Conditions, v1alpha1.StalledCondition)):
		c.report(invariant, "the conditions disagree", "%s: %+v", p.name, status.Conditions)
	}
}

// What waits is looked at again, neither in the past nor too late.
func (c *cluster) checkNext(p pass) {
	const invariant = "the next look is set when something is awaited, later than now and bounded"
	d, next := p.decision, p.decision.Next
	switch {
	case !next.IsZero() && !next.After(c.now):
		c.report(invariant, "in the past", "%s: next look %v, now %v", p.name, next, c.now)
	case next.After(c.now.Add(longestNext)):
		c.report(invariant, "too late", "%s: next look %v, now %v", p.name, next, c.now)
	case d.Problem != nil && (next.IsZero() || next.After(c.now.Add(health.RetrySlow))):
		c.report(invariant, "a write failed", "%s: next look %v, now %v: %s", p.name, next, c.now, d.Problem.Message)
	case d.Status.State == v1alpha1.StateQueued && next.IsZero() && !c.course.Spec.Suspend:
		c.report(invariant, "in the queue", "%s has no next look", p.name)
	case next.IsZero() && c.mayIdle(p):
		c.report(invariant, "it may fall asleep", "%s has no next look", p.name)
	}
	c.checkProbe(p)
}

// mayIdle reports whether a carrel runs that is stopped once it is idle.
func (c *cluster) mayIdle(p pass) bool {
	return p.decision.Presence.Presence == health.Running && c.idle() != nil && !p.world.Session.InSession() && !c.course.Spec.Suspend
}

// Whose software does not say when it was used is told so, and asked again within a
// minute.
func (c *cluster) checkProbe(p pass) {
	const invariant = "software that does not answer is reported, and asked again within a minute"
	status, d := p.world.Userland.Status, p.decision
	last := status.LastActivityTime
	requests := ptr.Deref(status.Requests, v1alpha1.Requests{})
	switch {
	case p.world.Probe.Failure == "" || !p.world.Probe.AskedAt.Equal(c.now) || !c.mayIdle(p) || c.idle().Probe == nil || d.Problem != nil:
	case last != nil && c.now.Before(last.Add(c.idle().After.Duration)), requests.KeepUntil != nil && c.now.Before(requests.KeepUntil.Time):
	case stampAt(c.now).Equal(d.Status.LastStartTime), stampAt(c.now).Equal(d.Status.IdleFrom):
		// It was asked before it started anew, or before the Template began to stop it.
	case len(d.Status.Conditions) == 0 || !strings.Contains(d.Status.Conditions[0].Message, p.world.Probe.Failure):
		c.report(invariant, "not reported", "%s: %+v", p.name, d.Status.Conditions)
	case d.Next.After(c.now.Add(time.Minute)):
		c.report(invariant, "too late", "%s: next look %v, now %v", p.name, d.Next, c.now)
	}
}

func asksForPod(d *appsv1.Deployment) bool {
	return d != nil && ptr.Deref(d.Spec.Replicas, 1) > 0
}

// A pod is never started for a disabled carrel, nor after the term; one that runs
// then is stopped.
func (c *cluster) checkStart(p pass) {
	u := p.world.Userland
	if u.Enabled() && !p.world.Session.Over || !asksForPod(p.after) || c.course.Spec.Suspend {
		return
	}
	switch started := !asksForPod(p.before) || madeOf(p.before) != madeOf(p.after); {
	case started:
		c.report("a pod is never started for a disabled carrel", "", "%s was", p.name)
	case p.decision.Problem == nil:
		c.report("a disabled carrel is stopped", "", "%s is not", p.name)
	}
}

// A start is recorded if a pod is started, and not if that was only tried.
func (c *cluster) checkLastStart(p pass) {
	before, after := p.world.Userland.Status.LastStartTime, p.decision.Status.LastStartTime
	if before == nil && asksForPod(p.before) || after == nil || after.Equal(before) {
		return
	}
	if !asksForPod(p.after) || asksForPod(p.before) && same(p.before, p.after) {
		c.report("a start is recorded only if a pod is started", "", "%s at %v", p.name, after)
	}
}

// checkEnd checks why a pod with which its user could work is ended.
func (c *cluster) checkEnd(p pass) {
	s := c.seats[p.name]
	if live := s.live(); !live.ready() || !asksForPod(p.before) {
		return
	}
	stops := !asksForPod(p.after)
	if !stops && madeOf(p.before) == madeOf(p.after) {
		return
	}
	u, status := p.world.Userland, p.world.Userland.Status
	requests := ptr.Deref(status.Requests, v1alpha1.Requests{})
	handled := ptr.Deref(status.Handled, v1alpha1.HandledRequests{})
	isNew := func(asked, honoured *metav1.Time) bool {
		return asked != nil && !asked.After(c.now) && (honoured == nil || honoured.Before(asked))
	}
	switch {
	case !u.Enabled(), p.world.Session.Over:
	case isNew(requests.RestartAt, handled.RestartAt), isNew(requests.ResetAt, handled.ResetAt), c.asksToStop(requests.StopAt, status), c.asksToStop(handled.StopAt, status):
	case stops:
		c.checkIdle(p, requests)
	default:
		c.checkRollout(p)
	}
}

// asksToStop reports whether a request to stop is the last that was heard of a user.
func (c *cluster) asksToStop(at *metav1.Time, status v1alpha1.UserlandStatus) bool {
	seen := status.LastActivityTime
	return at != nil && !at.After(c.now) && (seen == nil || !seen.After(at.Time) || seen.After(c.now) && at.Time.Equal(c.now))
}

// Nobody is stopped for idleness who was seen, whose software is used or does not
// answer, who asked to be kept, or who is in a session.
func (c *cluster) checkIdle(p pass, requests v1alpha1.Requests) {
	const invariant = "only who is idle is stopped for idleness"
	s := c.seats[p.name]
	seen := p.world.Userland.Status.LastActivityTime
	_, known := c.revisions[lifecycle.CurrentRevision(p.before)]
	switch idle := c.idle(); {
	case idle == nil:
		c.report(invariant, "the Template stops nobody", "%s was stopped", p.name)
	case p.world.Session.InSession():
		c.report("nobody in a session is stopped", "", "%s was", p.name)
	case seen != nil && c.now.Before(seen.Add(idle.After.Duration)):
		c.report(invariant, "its user was just seen", "%s was seen at %v and stopped at %v", p.name, seen, c.now)
	case requests.KeepUntil != nil && c.now.Before(requests.KeepUntil.Time):
		c.report(invariant, "its user asked to be kept", "%s was stopped at %v", p.name, c.now)
	case idle.Probe != nil && known && s.probe == probeUsedNow:
		c.report(invariant, "its software is used", "%s was stopped", p.name)
	case idle.Probe != nil && known && s.probe == probeFails:
		c.report(invariant, "its software does not answer", "%s was stopped", p.name)
	}
}

func (c *cluster) idle() *v1alpha1.Idle {
	if c.template == nil {
		return nil
	}
	return c.template.Spec.Idle
}

// Who works is restarted for an edit only as the Template says, and never in a
// session.
func (c *cluster) checkRollout(p pass) {
	before, after := c.revisions[lifecycle.CurrentRevision(p.before)], c.revisions[lifecycle.CurrentRevision(p.after)]
	detail := fmt.Sprintf("%s goes from %s to %s", p.name, madeOf(p.before), madeOf(p.after))
	rollout := v1alpha1.Rollout{}
	if c.template != nil {
		rollout = c.template.Spec.Rollout
	}
	cause := "OnNextStart"
	switch {
	case before.ControllerRevision == nil || after.ControllerRevision == nil:
		cause = "its revision is lost"
	case workload.SameSource(before.ControllerRevision, after.ControllerRevision):
		cause = "another version of the controller"
	case rollout.When == v1alpha1.RolloutImmediate:
		cause = "Immediate"
	case rollout.Deadline != "":
		cause = "deadline"
	}
	switch asked := cause == "Immediate" || cause == "deadline"; {
	case p.world.Session.InSession():
		c.report("nobody in a session is restarted", cause, "%s", detail)
	case asked && !p.world.Granted:
		c.report("a roll-out restarts those it grants", cause+", not yet recorded as running", "%s", detail)
	case !asked:
		c.report("who works is restarted only for a reason", cause, "%s", detail)
	}
}

// Work of one person is never attached to another, and fresh volumes are made only
// on request.
func (c *cluster) checkWork(p pass) {
	if p.after == nil {
		return
	}
	user := p.world.Userland.User()
	for _, claim := range lifecycle.Mounted(p.after) {
		if owner := c.owners[claim]; owner != user {
			c.report("work of one person is never attached to another", "", "%s of %s mounts the work of %q", p.name, user, owner)
		}
	}
	if s := c.seats[p.name]; len(s.claims) > 1+s.resets {
		c.report("fresh volumes are made only on request", "", "%s has %d after %d requests", p.name, len(s.claims), s.resets)
	}
}

const honoured = "what is recorded as honoured was carried out"

// A request for another pod is not honoured while the carrel waits in the queue.
func (c *cluster) checkQueued(p pass) {
	before := ptr.Deref(p.world.Userland.Status.Handled, v1alpha1.HandledRequests{})
	after := ptr.Deref(p.decision.Status.Handled, v1alpha1.HandledRequests{})
	if p.decision.Presence.Presence == health.Queued && (!after.RestartAt.Equal(before.RestartAt) || !after.ResetAt.Equal(before.ResetAt)) {
		c.report(honoured, "in the queue", "%s: %+v becomes %+v", p.name, before, after)
	}
}

// A request is recorded as honoured if, and only if, it was carried out.
func (c *cluster) checkRequests(p pass) {
	before := ptr.Deref(p.world.Userland.Status.Handled, v1alpha1.HandledRequests{})
	after := ptr.Deref(p.decision.Status.Handled, v1alpha1.HandledRequests{})
	cause := "the revision is known"
	if p.decision.Plan == nil {
		cause = "the revision is not known"
	}
	if restart := after.RestartAt; restart != nil && !restart.Equal(before.RestartAt) && asksForPod(p.after) {
		made, err := time.Parse(time.RFC3339, p.after.Spec.Template.Annotations[v1alpha1.RestartedAtAnnotation])
		if err != nil || made.Before(restart.Time) {
			c.report(honoured, "a restart while "+cause, "%s asked at %v, its pod is of %v", p.name, restart, made)
		}
	}
	if reset := after.ResetAt; reset != nil && !reset.Equal(before.ResetAt) {
		for _, name := range lifecycle.Mounted(p.after) {
			for _, claim := range c.seats[p.name].claims {
				if claim.Name == name && claim.Annotations[v1alpha1.ResetAnnotation] < volume.Stamp(reset.Time) {
					c.report(honoured, "fresh volumes while "+cause, "%s asked at %v and has %s", p.name, reset, name)
				}
			}
		}
	}
}

// A carrel that was never opened has no children: nobody came, nobody asked for it,
// no session started it, and its Template stops whoever is idle.
func (c *cluster) checkUnopened(p pass) {
	const invariant = "a carrel that was never opened has no children"
	s, status := c.seats[p.name], p.world.Userland.Status
	requests := ptr.Deref(status.Requests, v1alpha1.Requests{})
	s.opened = s.opened || status.LastActivityTime != nil || requests != (v1alpha1.Requests{StopAt: requests.StopAt}) ||
		p.world.Session.InSession() || c.template != nil && c.template.Spec.Idle == nil
	switch {
	case s.opened:
	case s.deployment != nil:
		c.report(invariant, "a Deployment", "%s: %s", p.name, madeOf(s.deployment))
	case p.decision.Objects.Service != nil:
		c.report(invariant, "a Service", "%s", p.name)
	case len(s.claims) > s.kept:
		c.report(invariant, "a volume claim", "%s: %d, and %d when its row was added", p.name, len(s.claims), s.kept)
	}
}

// Only a carrel whose pod has the present revision, and does not work, holds a
// roll-out: who is refused does not.
func (c *cluster) checkHeld() {
	held := meta.FindStatusCondition(c.template.Status.Conditions, v1alpha1.RolloutHeldCondition)
	if held == nil || c.course.Spec.Suspend {
		// The statuses of a suspended course are as they were when it was suspended.
		return
	}
	for _, name := range names {
		s := c.seats[name]
		if s.dirty {
			return
		}
		if live := s.live(); live != nil && !live.ready() && live.revision == lifecycle.LatestRevision(c.template) {
			return
		}
	}
	c.report("who is refused does not hold a roll-out", "", "%s", held.Message)
}
