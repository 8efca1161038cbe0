package lifecycle_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/volume"
)

// refusal is an answer of the API server to writes of a Deployment; empty: it takes
// them.
type refusal string

var deployments = schema.GroupResource{Group: "apps", Resource: "deployments"}

// refusals are the answers that the API server has.
var refusals = map[refusal]error{
	"400":     apierrors.NewBadRequest("the webhook does not like it"),
	"403":     apierrors.NewForbidden(deployments, "x", errors.New("denied by a policy")),
	"409":     apierrors.NewConflict(deployments, "x", errors.New("changed")),
	"422":     apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "x", field.ErrorList{field.Forbidden(field.NewPath("spec"), "policy")}),
	"429":     apierrors.NewTooManyRequests("slow down", 1),
	"500":     apierrors.NewInternalError(errors.New("etcd: no leader")),
	"quota":   apierrors.NewForbidden(deployments, "x", errors.New("exceeded quota: class")),
	"timeout": errors.New("net/http: timeout awaiting response headers"),
}

// probe is how the software of a carrel answers when it is asked for its last use.
type probe int

const (
	probeUnused probe = iota
	probeUsedNow
	probeFails
)

// A pass is one look of the controller at a Userland.
type pass struct {
	name     string
	world    lifecycle.World
	decision lifecycle.Decision
	// before and after are the Deployment.
	before, after *appsv1.Deployment
	// written is set if the pass wrote the status.
	written bool
}

// decide decides about a Userland, and asks the queue if it is to wait. It returns
// who else is granted a place by that.
func (c *cluster) decide(name string, line *lifecycle.Line) (w lifecycle.World, d lifecycle.Decision, granted []string) {
	w = c.world(name)
	d = lifecycle.Decide(w)
	if d.Queue != lifecycle.QueueWait || line == nil {
		return w, d, nil
	}
	if _, starting := line.Starting[name]; !starting {
		line.Waiting[name] = d.Ticket(w)
	}
	granted = slices.DeleteFunc(line.Grant(c.now), func(other string) bool { return other == name })
	w.Turn = line.Turn(name, c.now)
	return w, lifecycle.Decide(w), granted
}

// look is one reconciliation of a Userland.
func (c *cluster) look(name string) {
	s := c.seats[name]
	s.dirty, s.looked, s.next = false, true, time.Time{}
	if s.userland == nil {
		return
	}
	c.readLine()
	w, d, granted := c.decide(name, c.memory.line)
	c.wake(granted)
	before := s.deployment
	if d.Ask != "" {
		c.memory.probes[name] = s.answer(c.now)
		s.dirty = true
	}
	o := c.act(s, w, d)
	if o.Err != nil && d.Presence.Idle {
		delete(c.memory.probes, name)
	}
	d = lifecycle.Conclude(w, d, o)
	p := pass{name: name, world: w, decision: d, before: before, after: s.deployment, written: d.Writes(w)}
	c.record(s, p)
	for _, first := range d.Objects.Volumes.FirstUses {
		s.attached(first.Name, c.now)
	}
	c.trace(p)
	c.checkPass(p)
}

// answer is what the software of a carrel says of its last use.
func (s *seat) answer(now time.Time) lifecycle.Probe {
	switch s.probe {
	case probeUsedNow:
		return lifecycle.Probe{AskedAt: now, LastActivity: now}
	case probeFails:
		return lifecycle.Probe{AskedAt: now, Failure: "it answers 500"}
	default:
		return lifecycle.Probe{AskedAt: now, LastActivity: now.Add(-24 * time.Hour)}
	}
}

// act carries the decision out until a write fails.
func (c *cluster) act(s *seat, w lifecycle.World, d lifecycle.Decision) (o lifecycle.Outcome) {
	for _, used := range d.Objects.Volumes.Used {
		o.Claims = append(o.Claims, *c.provide(s, w.Userland, used))
	}
	if d.Obstacle != nil {
		return o
	}
	var wanted *appsv1.Deployment
	switch {
	case d.Objects.Deployment != nil:
		wanted = stored(s.deployment, d)
	case d.Objects.Replicas != nil:
		wanted = s.deployment.DeepCopy()
		wanted.Spec.Replicas = d.Objects.Replicas
	default:
		return o
	}
	if s.deployment != nil && same(s.deployment, wanted) {
		o.Deployment = s.deployment
		return o
	}
	if s.refusal != "" {
		o.Err = fmt.Errorf("apply Deployment %q: %w", w.Userland.Name, refusals[s.refusal])
		return o
	}
	wanted.Generation++
	s.deployment, o.Deployment = wanted, wanted
	s.dirty = true
	return o
}

// provide creates a claim that does not exist, and puts one that does in use.
func (c *cluster) provide(s *seat, u *v1alpha1.Userland, used volume.Attachment) *corev1.PersistentVolumeClaim {
	for i := range s.claims {
		if s.claims[i].Name == used.Name {
			used.PutInUse(&s.claims[i], u)
			return &s.claims[i]
		}
	}
	claim, err := used.Fresh(u)
	if err != nil {
		panic(err)
	}
	claim.CreationTimestamp, claim.Status.Phase = metav1.NewTime(c.now), corev1.ClaimBound
	s.claims = append(s.claims, *claim)
	c.owners[claim.Name] = u.User()
	s.dirty = true
	return claim
}

// attached records that a pod runs with a claim.
func (s *seat) attached(name string, now time.Time) {
	for i := range s.claims {
		if s.claims[i].Name == name {
			s.claims[i].Annotations[v1alpha1.AttachedAnnotation] = volume.Stamp(now)
		}
	}
}

// stored returns the Deployment as the API server stores what is applied.
func stored(before *appsv1.Deployment, d lifecycle.Decision) *appsv1.Deployment {
	after := &appsv1.Deployment{}
	if before != nil {
		after = before.DeepCopy()
	}
	wanted := d.Objects.Deployment
	after.Labels = wanted.Labels
	after.Spec.Replicas = ptr.To(*wanted.Spec.Replicas)
	after.Spec.Template.Annotations = wanted.Spec.Template.Annotations
	after.Spec.Template.Spec.Containers = []corev1.Container{{Name: "ide", Image: *wanted.Spec.Template.Spec.Containers[0].Image}}
	after.Spec.Template.Spec.Volumes = nil
	for _, v := range wanted.Spec.Template.Spec.Volumes {
		after.Spec.Template.Spec.Volumes = append(after.Spec.Template.Spec.Volumes, corev1.Volume{Name: *v.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: *v.PersistentVolumeClaim.ClaimName},
		}})
	}
	return after
}

func same(a, b *appsv1.Deployment) bool {
	return *a.Spec.Replicas == *b.Spec.Replicas && madeOf(a) == madeOf(b) && a.Labels[v1alpha1.RevisionLabel] == b.Labels[v1alpha1.RevisionLabel]
}

// record writes the status, takes the step in the queue and sets the next look.
func (c *cluster) record(s *seat, p pass) {
	d := p.decision
	if line := c.memory.line; line != nil {
		switch d.Queue {
		case lifecycle.QueueHold:
			delete(line.Waiting, p.name)
			if _, known := line.Starting[p.name]; !known {
				line.Starting[p.name] = c.now
			}
		case lifecycle.QueueLeave:
			delete(line.Waiting, p.name)
			delete(line.Starting, p.name)
			c.wake(line.Grant(c.now))
		}
	}
	if p.written {
		s.writes++
		activity, requests := s.userland.Status.LastActivityTime, s.userland.Status.Requests
		s.userland.Status = d.Status
		s.userland.Status.LastActivityTime, s.userland.Status.Requests = activity, requests
		s.dirty, c.templateDirty = true, true
	}
	s.next = d.Next
	if d.Problem != nil && d.Problem.Cause == health.Conflict {
		// The writer that was faster reports itself.
		s.next = c.now.Add(time.Second)
	}
}

// looks bounds how often the controller looks at one carrel before time goes on.
const looks = 40

// settle lets the controller and the kubelet work until nothing is left to do.
func (c *cluster) settle() {
	for range looks {
		c.kubelets()
		if c.down {
			return
		}
		if c.templateDirty {
			c.lookAtTemplate()
		}
		busy := false
		for _, name := range c.order() {
			if c.seats[name].dirty {
				c.look(name)
				busy = true
			}
		}
		if !busy && !c.templateDirty {
			return
		}
	}
	c.report("the controller comes to rest", "", "it looked %d times and did not", looks)
}

func (c *cluster) kubelets() {
	for _, name := range names {
		if s := c.seats[name]; c.kubelet(s) {
			s.dirty = true
		}
	}
}

// timers bounds how many moments of one stretch of time are lived through; what is
// left of it passes as if the controller had been away.
const timers = 24

// pass lets time go by.
func (c *cluster) pass(d time.Duration) {
	end := c.now.Add(d)
	for range timers {
		next := c.nextMoment()
		if next.IsZero() || !next.Before(end) {
			break
		}
		c.now = next
		c.wakeDue()
		c.settle()
	}
	c.now = end
	c.wakeDue()
}

// nextMoment returns when something happens by itself; zero: never.
func (c *cluster) nextMoment() (next time.Time) {
	consider := func(at time.Time) {
		if at.After(c.now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	consider(c.memory.template)
	for _, name := range names {
		s := c.seats[name]
		consider(s.next.Add(time.Second - 1).Truncate(time.Second))
		for _, at := range s.podMoments() {
			consider(at)
		}
	}
	return next
}

// wakeDue has the controller look at those whose time has come.
func (c *cluster) wakeDue() {
	if at := c.memory.template; !at.IsZero() && !at.After(c.now) {
		c.templateDirty = true
	}
	for _, name := range names {
		if s := c.seats[name]; !s.next.IsZero() && !s.next.After(c.now) {
			s.dirty = true
		}
	}
}
