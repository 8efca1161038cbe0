package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/volume"
)

const (
	namespace    = "prog1"
	templateName = "ide"
	idleAfter    = time.Hour
)

// names are the Userlands of the class.
var names = []string{"aoi", "ema", "ren"}

// A cluster is a class of three with what the API server, the controllers of
// Kubernetes and the kubelet make of it. Nothing in it is random.
type cluster struct {
	now      time.Time
	course   *v1alpha1.Course
	sessions []session
	over     time.Time

	template *v1alpha1.Template
	// templateDirty is set if a watch reported something that concerns the Template.
	templateDirty bool
	// unjudged keeps edits of the Template from being judged.
	unjudged bool
	// version is that of the controller: each makes other pods of one Template.
	version   int
	revisions map[string]lifecycle.Revision

	seats map[string]*seat
	// owners records, by the name of a claim, for whom it was created.
	owners map[string]string

	memory memory
	// down is set while no controller runs.
	down bool
	// backwards reverses the order in which the controller looks at the class.
	backwards bool
	// found are the violations of the history so far.
	found []violation
	// log has what the controller wrote; nil: nobody reads it.
	log *strings.Builder
}

// A session is a time of class, from the start of carrels beforehand to its end.
type session struct {
	warm, end time.Time
}

// A seat is the place of one Userland, with what exists for it.
type seat struct {
	// userland is nil while the roster has no such row.
	userland   *v1alpha1.Userland
	deployment *appsv1.Deployment
	pods       []*pod
	claims     []corev1.PersistentVolumeClaim
	uid        int

	// refusal is how the API server answers writes of the Deployment.
	refusal refusal
	// program is how the student's program behaves, probe how it answers.
	program program
	probe   probe

	// dirty is set if a watch reported something that the controller has not seen.
	dirty bool
	// next is when the controller looks again though nothing happens.
	next time.Time
	// resets counts the requests for fresh volumes under this name.
	resets int
	// opened is set once there was a reason to start the carrel, or its Template
	// stopped nobody. kept is how many claims there were when the row was added.
	opened bool
	kept   int
	// writes counts the statuses written in the last step.
	writes int
	// looked is set if the controller looked at it in the last step.
	looked bool
}

// A pod is one of a Deployment.
type pod struct {
	// made describes all that it is made of.
	made     string
	revision string
	corev1.Pod
	// worked is set once its user could work with it.
	worked bool
	// lostAt is when its node stopped to report; zero: it reports.
	lostAt time.Time
}

// memory is what a restart of the controller forgets.
type memory struct {
	line   *lifecycle.Line
	grants map[string]string
	probes map[string]lifecycle.Probe
	trial  *lifecycle.Trial
	// template is when the Template is looked at though nothing happens.
	template time.Time
}

func newMemory() memory {
	return memory{grants: map[string]string{}, probes: map[string]lifecycle.Probe{}}
}

func newCluster(backwards bool) *cluster {
	c := &cluster{
		now:       time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC),
		course:    &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: namespace}},
		revisions: map[string]lifecycle.Revision{},
		seats:     map[string]*seat{},
		owners:    map[string]string{},
		memory:    newMemory(),
		backwards: backwards,
	}
	c.course.Spec.TemplateName = templateName
	c.template = newTemplate(c.now)
	for _, name := range names {
		c.seats[name] = &seat{}
		c.join(name, name)
	}
	return c
}

func newTemplate(now time.Time) *v1alpha1.Template {
	t := &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: templateName, Generation: 1, CreationTimestamp: metav1.NewTime(now)}}
	t.Status.ObservedGeneration = -1
	t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: idleAfter}}
	t.Spec.Service.Ports = []v1alpha1.ServicePort{{Name: "http", Port: 8080}}
	home := v1alpha1.Volume{Name: "home", Retain: "30d"}
	home.PVCSpec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	t.Spec.Volumes = []v1alpha1.Volume{home}
	t.Spec.Template.Spec.Containers = []corev1.Container{{Name: "ide", Image: "good:1"}}
	return t
}

// join adds the row of a Userland for a user.
func (c *cluster) join(name, user string) {
	s := c.seats[name]
	s.uid++
	s.userland = &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(fmt.Sprintf("%s-%d", name, s.uid)), Generation: 1, CreationTimestamp: metav1.NewTime(c.now),
	}}
	s.userland.Spec.User = user
	s.opened, s.kept = false, len(s.claims)
	s.dirty, c.templateDirty = true, true
}

// leave removes the row of a Userland. Its volumes stay.
func (c *cluster) leave(name string) {
	s := c.seats[name]
	s.userland, s.deployment, s.pods, s.next = nil, nil, nil, time.Time{}
	c.templateDirty = true
	for i := range s.claims {
		s.claims[i].Labels[v1alpha1.KeepUntilLabel] = "20271001T000000Z"
	}
	if c.memory.line != nil {
		delete(c.memory.line.Starting, name)
		delete(c.memory.line.Waiting, name)
		c.wake(c.memory.line.Grant(c.now))
	}
	delete(c.memory.probes, name)
}

// order returns the class in the order in which the controller looks at it.
func (c *cluster) order() []string {
	order := slices.Clone(names)
	if c.backwards {
		slices.Reverse(order)
	}
	return order
}

// watch reports a change that concerns the whole class.
func (c *cluster) watch() {
	c.templateDirty = true
	c.wake(names)
}

func (c *cluster) wake(class []string) {
	for _, name := range class {
		c.seats[name].dirty = true
	}
}

// class returns the Userlands that exist.
func (c *cluster) class() (class []v1alpha1.Userland) {
	for _, name := range names {
		if u := c.seats[name].userland; u != nil {
			class = append(class, *u)
		}
	}
	return class
}

// moment returns what the timetable says at a time.
func (c *cluster) moment(now time.Time) timetable.Moment {
	var m timetable.Moment
	change := func(at time.Time) {
		if at.After(now) && (m.Next.IsZero() || at.Before(m.Next)) {
			m.Next = at
		}
	}
	for _, s := range c.sessions {
		if !now.Before(s.warm) && now.Before(s.end) && s.warm.After(m.Since) {
			m.Since = s.warm
		}
		change(s.warm)
		change(s.end)
	}
	if !c.over.IsZero() {
		change(c.over)
		m.Over = !now.Before(c.over) && !m.InSession()
	}
	return m
}

// restart forgets what a controller that ends forgets.
func (c *cluster) restart() {
	c.memory = newMemory()
	c.down = false
	c.watch()
}

// world reads all that a decision about a Userland rests on.
func (c *cluster) world(name string) lifecycle.World {
	s := c.seats[name]
	userland := *s.userland
	w := lifecycle.World{
		Now: c.now, Userland: &userland, Template: c.template, Course: c.course, Session: c.moment(c.now),
		SessionEnd: lifecycle.SessionEnd(c.moment, c.now),
		Revisions:  map[string]lifecycle.Revision{}, Deployment: s.deployment, Probe: c.memory.probes[name],
		Volumes: volume.Stock{Taken: map[string]bool{}},
	}
	for _, revision := range []string{lifecycle.LatestRevision(w.Template), lifecycle.CurrentRevision(w.Deployment), lifecycle.ProvenRevision(w.Userland)} {
		if kept, found := c.revisions[revision]; found {
			w.Revisions[revision] = kept
		}
	}
	for _, p := range s.pods {
		w.Pods = append(w.Pods, p.Pod)
	}
	for _, claim := range s.claims {
		w.Volumes.Taken[claim.Name] = true
		if volume.OwnerOf(&claim) == userland.User() {
			w.Volumes.Claims = append(w.Volumes.Claims, claim)
		} else {
			w.Volumes.Strangers = append(w.Volumes.Strangers, claim)
		}
	}
	latest := lifecycle.LatestRevision(w.Template)
	w.Granted = latest != "" && c.memory.grants[name] == latest
	w.Turn = c.turn(w)
	return w
}

// readLine makes the queue of the course what the controller remembers of it, or
// reads from the statuses after a restart.
func (c *cluster) readLine() {
	limit := c.course.Spec.MaxStarting
	switch {
	case limit == nil:
		c.memory.line = nil
		return
	case c.memory.line == nil:
		c.memory.line = lifecycle.RebuildLine(c.class(), func(string) time.Time { return c.moment(c.now).Since })
	}
	c.memory.line.Limit = int(*limit)
}

// turn returns the place of a carrel in the queue.
func (c *cluster) turn(w lifecycle.World) lifecycle.Turn {
	switch {
	case c.memory.line == nil:
		return lifecycle.Turn{}
	case w.Runs():
		return lifecycle.Turn{Bounded: true}
	default:
		return c.memory.line.Turn(w.Userland.Name, c.now)
	}
}

// wanted reports whether the Deployment asks for a pod.
func (s *seat) wanted() bool {
	return s.deployment != nil && ptr.Deref(s.deployment.Spec.Replicas, 1) > 0
}

// live returns the pod that is not on its way out; nil if there is none.
func (s *seat) live() *pod {
	for _, p := range s.pods {
		if p.DeletionTimestamp == nil {
			return p
		}
	}
	return nil
}
