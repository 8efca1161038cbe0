package volume_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// A term holds the Course of a class, and everything besides the carrels that its volumes
// depend on: rosters, clocks, outages and pods of other people.
type term struct {
	// course is nil while the namespace has no Course. suspended is spec.suspend in git.
	course    *v1alpha1.Course
	suspended bool
	// rows holds the logins in rows of the rosters whose Userlands do not exist yet.
	// unread is set while the rosters have an error.
	rows   map[string]bool
	unread bool
	// ahead is the number of minutes by which the controller's clock is ahead, and server
	// that of the API server's. At most one of the two is not 0.
	ahead, server int
	// confirmed is set while a person lets volumes expire without a Course.
	confirmed bool
	// down is set while no controller runs. ended is the minute at which the last one
	// stopped.
	down  bool
	ended int
	// lease is the Lease on the API server: the watch of the controller that holds it, and
	// the time of its last renewal.
	lease struct {
		watch string
		last  volume.Moment
	}
	// watches counts the watches so far.
	watches int
	// rest is the pause after the last deletions. A restart of the controller forgets it.
	rest volume.Rest
	// next is the time of the next reconciliation. Zero means only after an event.
	next time.Time
	// ran is the minute since which controllers have really run without an outage. watched
	// is the minute since which one has watched this Course without a suspension.
	ran, watched int
	// visited holds the names of the claims that pods of other programs mount.
	visited map[string]bool
}

func newTerm() term {
	t := term{rows: map[string]bool{}, visited: map[string]bool{}}
	t.course = t.fromGit()
	t.takeEffect()
	return t
}

// fromGit returns a new Course, which has no status.
func (t *term) fromGit() *v1alpha1.Course {
	course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1", Generation: 1}}
	course.Spec.Rosters = []v1alpha1.RosterSource{{ConfigMap: "class"}}
	course.Spec.Suspend = t.suspended
	return course
}

// takeEffect lets the Course take effect: its rosters are read.
func (t *term) takeEffect() {
	if t.course == nil {
		return
	}
	t.course.Status.ObservedGeneration = t.course.Generation
	valid := metav1.ConditionTrue
	if t.unread {
		valid = metav1.ConditionFalse
	}
	t.setValid(valid)
}

func (t *term) setValid(valid metav1.ConditionStatus) {
	t.course.Status.Conditions = []metav1.Condition{{Type: v1alpha1.RosterValidCondition, Status: valid}}
}

func (t *term) suspends() bool { return t.course != nil && t.course.Spec.Suspend }

// clock returns the time by the controller's clock, and stamp by the API server's.
func (c *class) clock() time.Time { return at(c.minute + c.ahead) }
func (c *class) stamp() time.Time { return at(c.minute + c.server) }

// moment returns the time by both clocks.
func (c *class) moment() volume.Moment { return volume.Moment{Ours: c.clock(), Theirs: c.stamp()} }

// takeOver lets a controller take the Lease. The controller begins a new watch unless it
// continues the last one.
func (c *class) takeOver() {
	c.rest = volume.Rest{}
	if c.watches == 0 || !c.moment().ContinuesFrom(c.lease.last) {
		c.newWatch()
	}
	c.lease.last = c.moment()
}

// renew lets the controller renew the Lease.
func (c *class) renew() {
	if !c.moment().HeldFrom(c.lease.last) {
		c.newWatch()
	}
	c.lease.last = c.moment()
}

func (c *class) newWatch() {
	c.watches++
	c.lease.watch = fmt.Sprint("watch ", c.watches)
	c.history.tell("%s begins", c.lease.watch)
}

// outageEnds records that an outage ended, if it was one: no controller ran for more than
// 15 minutes.
func (c *class) outageEnds() {
	if c.minute-c.ended > 15 {
		c.ran, c.watched = c.minute, c.minute
		c.history.seen["outage"]++
	}
}

// bothClocks returns the later time of the two clocks, with which claims are dated.
func (c *class) bothClocks() time.Time {
	if theirs := c.stamp().Add(time.Second); theirs.After(c.clock()) {
		return theirs
	}
	return c.clock()
}

// world returns the course as the controller observes it.
func (c *class) world() volume.KeepingWorld {
	w := volume.KeepingWorld{Namespace: "prog1", Course: c.course, Watch: c.lease.watch, Rest: c.rest, Now: c.clock()}
	for _, one := range c.claims {
		w.Claims = append(w.Claims, one.object)
	}
	for _, name := range c.names() {
		w.Carrels = append(w.Carrels, c.carrelOf(c.desks[name]))
	}
	if w.Course == nil {
		w.Confirmed = c.confirmed
		return w
	}
	w.Rows = slices.Sorted(maps.Keys(c.rows))
	if c.unread {
		w.Rows, w.Unread = nil, "the rosters have errors"
	}
	return w
}

// keep reconciles the claims of the course until nothing is due.
func (c *class) keep() {
	c.note()
	if c.down {
		return
	}
	for range 6 {
		d, err := c.reconcile()
		if err != nil {
			return
		}
		if !d.Due() {
			c.next = d.Next
			c.saw()
			return
		}
	}
	c.history.fail("it dates and dates")
}

// reconcile reconciles the course once, as controller/volume does.
func (c *class) reconcile() (volume.KeepingDecision, error) {
	d := volume.DecideKeeping(c.world())
	if d.Due() {
		if err := c.carryOut(d); err != nil {
			return d, err
		}
		d = volume.DecideKeeping(c.world())
	}
	return d, c.recordStatus(d)
}

func (c *class) carryOut(d volume.KeepingDecision) error {
	for _, task := range d.Tasks {
		if err := c.take(task); err != nil {
			return err
		}
	}
	if len(d.Removals) == 0 {
		return nil
	}
	c.rest = volume.Rest{From: c.clock(), Until: c.clock().Add(time.Minute)}
	since := c.world().WatchedSince()
	for _, claim := range d.Removals {
		if one := c.find(claim.Name); !c.inPod(one) {
			if err := c.expire(one, since); err != nil {
				return err
			}
		}
	}
	return nil
}

// take carries out one task.
func (c *class) take(task volume.Task) error {
	one := c.find(task.Claim.Name)
	object := &one.object
	switch task.Step {
	case volume.StepAnswer:
		return c.answer(one, task)
	case volume.StepReturn:
		c.count("returned", one)
		return c.write(func() {
			volume.TakeBack(object)
		})
	case volume.StepPromise:
		c.checkDating(one)
		if !one.worked {
			c.history.fail("%s is dated, and no pod ever ran with it", one.name())
		}
		return c.write(func() {
			object.Labels[v1alpha1.KeepUntilLabel] = volume.KeepUntil(object, c.bothClocks())
			c.count("dated", one)
		})
	case volume.StepDiscard:
		return c.write(func() {
			c.checkDiscard(one)
			c.discard(one)
			c.count("discarded", one)
		})
	default:
		return c.write(func() {
			volume.Announce(object, c.bothClocks(), task.Watch)
			one.told, one.toldOf, one.toldWithout = c.minute, object.Labels[v1alpha1.KeepUntilLabel], c.course == nil
			c.count("announced", one)
		})
	}
}

func (c *class) count(what string, of *claim) {
	c.history.seen[what]++
	c.history.tell("%s is %s, until %q", of.name(), what, of.object.Labels[v1alpha1.KeepUntilLabel])
}

// answer handles the request of a task.
func (c *class) answer(one *claim, task volume.Task) error {
	return c.write(func() {
		one.object.Annotations[v1alpha1.HandledRequestAnnotation] = task.Request.At.UTC().Format(time.RFC3339)
		if task.Refused != "" {
			c.count("refused", one)
			return
		}
		c.checkDating(one)
		one.object.Labels[v1alpha1.KeepUntilLabel], one.asked = task.Request.KeepUntil, task.Request.KeepUntil
		c.count("answered", one)
	})
}

// expire deletes a claim if its time is over by both clocks.
func (c *class) expire(one *claim, since time.Time) error {
	if _, due := volume.NextStep(&one.object, since); c.stamp().Before(due) {
		c.history.seen["too early by one clock"]++
		return nil
	}
	condemn := func() { one.object.Annotations[v1alpha1.CondemnedAnnotation] = volume.Stamp(c.clock()) }
	if err := c.write(condemn); err != nil {
		return err
	}
	return c.write(func() {
		c.checkDeletion(one)
		if c.course == nil {
			c.history.seen["deleted without a Course"]++
		}
		c.discard(one)
		c.count("deleted", one)
	})
}

func (c *class) discard(one *claim) {
	c.claims = slices.DeleteFunc(c.claims, func(other *claim) bool { return other == one })
}

// recordStatus writes the status of the Course. It dates a new WatchedSince by the later
// of the two clocks.
func (c *class) recordStatus(d volume.KeepingDecision) error {
	if c.course == nil {
		return nil
	}
	before, status := c.course.Status.Volumes, d.Status()
	if equality.Semantic.DeepEqual(before, status) {
		return nil
	}
	if status != nil && d.NewWatch() {
		if theirs := c.stamp().Add(time.Second); theirs.After(status.WatchedSince.Time) {
			status.WatchedSince = &metav1.Time{Time: theirs}
		}
	}
	return c.write(func() { c.course.Status.Volumes = status })
}

// inPod reports whether a pod mounts a claim.
func (c *class) inPod(of *claim) bool {
	for _, d := range c.desks {
		if slices.Contains(slices.Collect(maps.Values(d.pod)), of.name()) {
			return true
		}
	}
	return c.visited[of.name()]
}

// kept returns the claims that have a date, as volume.Ask takes them.
func (c *class) kept() (all []volume.Kept) {
	for _, one := range c.claims {
		if k, dated := volume.KeptOf(&one.object); dated {
			all = append(all, k)
		}
	}
	return all
}
