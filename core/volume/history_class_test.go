package volume_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/volume"
)

// The Templates of the class, the volumes of each Template, and the retain of each
// volume.
var (
	templates = []string{"ide", "db", "ide2"}
	volumesOf = map[string][]string{"ide": {"home"}, "ide2": {"archive", "home"}, "db": {"data", "home"}}
	retainOf  = map[string]string{"home": "30d", "data": "12h", "archive": v1alpha1.KeepForever}
)

// A class is a tiny cluster: Userlands, claims, Deployments and pods, with a controller
// that carries out what Attach decides, write by write.
type class struct {
	term
	history *history
	minute  int
	desks   map[string]*desk
	// former holds the names of Userlands that are gone.
	former   []string
	spelling map[string]string
	claims   []*claim
	// lost holds the claims that a disaster took and a backup has.
	lost []*claim
	made int
	// dies counts the writes until the controller is killed. 1 means at the next write, and
	// 0 means that it is not killed.
	dies  int
	fault string
}

// A desk is a Userland with its Deployment and pod.
type desk struct {
	name, user, template string
	wanted               bool
	// resetAt is the minute of a reset that was not carried out yet. 0 means none.
	resetAt int
	// deployment holds the claims that the Deployment mounts, by volume. It is nil if
	// there is no Deployment. madeOf names the Template that the Deployment was made of.
	deployment map[string]string
	madeOf     string
	// pod holds the claims that the pod mounts, by volume. It is nil if there is no pod.
	pod   map[string]string
	ready bool
}

// A claim holds the object, and the truth about it, which its marks may not tell.
type claim struct {
	object corev1.PersistentVolumeClaim
	// owner is the login of the user for whom it was made, in the present spelling.
	owner, volume string
	// worked is set once a pod was ready with it.
	worked bool
	// reset and restored are the minutes of the last reset and restore. 0 means none.
	reset, restored int
	// carrel and template name the Userland and the Template for which it was last
	// provided.
	carrel, template string
	created          int
	promise
}

func (c *claim) name() string { return c.object.Name }

func newClass(h *history) *class {
	return &class{history: h, minute: 1, term: newTerm(), desks: map[string]*desk{}, spelling: map[string]string{"aoi": "aoi", "ema": "ema"}}
}

// person returns the login in lower case, which identifies a person.
func person(login string) string { return strings.ToLower(login) }

func (c *class) names() []string { return slices.Sorted(maps.Keys(c.desks)) }

func (c *class) of(who string) (names []string) {
	for _, name := range c.names() {
		if person(c.desks[name].user) == person(who) {
			names = append(names, name)
		}
	}
	return names
}

func (c *class) newName() string {
	c.made++
	return fmt.Sprintf("u%d", c.made)
}

func (c *class) add(name, user, template string) {
	c.desks[name] = &desk{name: name, user: user, template: template}
}

// remove deletes a Userland and its Deployment. If its user worked and no controller
// recorded the first use before, no mark says so any more.
func (c *class) remove(name string) {
	for _, one := range c.claims {
		if !slices.Contains(slices.Collect(maps.Values(c.desks[name].deployment)), one.name()) {
			continue
		}
		one.worked = one.object.Annotations[v1alpha1.AttachedAnnotation] != v1alpha1.NeverAttached
	}
	delete(c.desks, name)
	c.former = append(c.former, name)
}

// at returns the time of a minute.
func at(minute int) time.Time {
	return time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// minuteOf returns the minute of a time.
func minuteOf(t time.Time) int { return int(t.Sub(at(0)).Minutes()) }

func (c *class) label(of *claim, name string) {
	of.object.Labels[v1alpha1.UserlandLabel] = name
	of.carrel = name
}

func (c *class) restored(of *claim) {
	of.object.Annotations[v1alpha1.RestoredAnnotation] = volume.Stamp(at(c.minute))
	of.restored = c.minute
}

// restore brings back the lost claims. If decided is set, a person marks them as the
// ones that count.
func (c *class) restore(decided bool) {
	for _, lost := range c.lost {
		for c.find(lost.name()) != nil {
			lost.object.Name += "-r"
		}
		if decided && lost.restored == 0 {
			c.restored(lost)
		}
		c.claims = append(c.claims, lost)
		c.history.tell("%s of %s comes back, decided: %t", lost.name(), lost.owner, decided)
	}
	c.lost = nil
}

func (c *class) find(name string) *claim {
	for _, one := range c.claims {
		if one.name() == name {
			return one
		}
	}
	return nil
}

func (c *class) isMounted(of *claim) bool {
	for _, d := range c.desks {
		if slices.Contains(slices.Collect(maps.Values(d.deployment)), of.name()) {
			return true
		}
	}
	return false
}

// work lets the user of a pod work.
func (c *class) work(d *desk) {
	d.ready = true
	for _, name := range d.pod {
		if mounted := c.find(name); mounted != nil {
			mounted.worked, mounted.held = true, true
			mounted.object.Status.Phase, mounted.object.Spec.VolumeName = corev1.ClaimBound, "pv"
		}
	}
}

// killed reports whether the controller is killed at this write, and whether the write
// takes effect all the same.
func (c *class) killed() (now, effect bool) {
	if c.dies == 0 {
		return false, true
	}
	c.dies--
	if c.dies > 0 {
		return false, true
	}
	c.history.seen["killed"]++
	c.history.tell("the controller is killed")
	return true, c.history.random.IntN(2) == 0
}

var errKilled = errors.New("killed")

// write makes a change unless the controller is killed before.
func (c *class) write(change func()) error {
	now, effect := c.killed()
	if effect {
		change()
	}
	if now {
		return errKilled
	}
	return nil
}

// look reconciles a Userland. It reports whether it wrote.
func (c *class) look(name string) (wrote bool) {
	d := c.desks[name]
	if d == nil || c.down || c.suspends() {
		return false
	}
	if !d.wanted && d.deployment == nil {
		// A carrel that was never opened is not provided with volumes.
		return false
	}
	madeOf := d.template
	if d.pod != nil && d.resetAt == 0 && d.wanted {
		// A carrel that runs takes another Template at its next start.
		madeOf = d.madeOf
	}
	need, stock := c.observe(d, madeOf)
	attachments, err := volume.Attach(need, stock)
	c.history.compare(name, c.outcome(d, attachments, err))
	wrote, killed := c.act(d, madeOf, attachments, err)
	return wrote || killed != nil
}

func (c *class) act(d *desk, madeOf string, a volume.Attachments, obstacle error) (wrote bool, err error) {
	for _, first := range a.FirstUses {
		wrote = true
		used := c.find(first.Name)
		if err := c.write(func() { used.object.Annotations[v1alpha1.AttachedAnnotation] = volume.Stamp(at(c.minute)) }); err != nil {
			return wrote, err
		}
	}
	u := c.userland(d)
	for _, used := range a.Used {
		changed, err := c.provide(d, u, used)
		if wrote = wrote || changed; err != nil {
			return wrote, err
		}
	}
	if obstacle == nil && (!maps.Equal(d.deployment, a.Names()) || d.deployment == nil || d.resetAt > 0 || d.wanted != (d.pod != nil)) {
		wrote = true
		if err := c.write(func() { c.apply(d, madeOf, a.Names()) }); err != nil {
			return wrote, err
		}
	}
	return wrote, nil
}

// provide creates the claim of an attachment, or marks an existing one.
func (c *class) provide(d *desk, u *v1alpha1.Userland, used volume.Attachment) (wrote bool, err error) {
	if used.Claim == nil {
		object, err := used.Fresh(u)
		if err != nil || c.find(object.Name) != nil {
			c.history.fail("claim %s can't be made: %v", used.Name, err)
			return true, errKilled
		}
		object.CreationTimestamp, object.Status.Phase = metav1.NewTime(at(c.minute)), corev1.ClaimPending
		return true, c.write(func() {
			made := &claim{object: *object, owner: d.user, volume: used.Volume.Name, carrel: d.name, template: used.MadeOf, created: c.minute, reset: d.resetAt}
			c.claims = append(c.claims, made)
			c.history.tell("%s is made for %s", made.name(), d.name)
		})
	}
	marked, mine := used.Claim.DeepCopy(), c.find(used.Name)
	used.PutInUse(marked, u)
	before := mine.object
	if maps.Equal(before.Labels, marked.Labels) && sameBut(before.Annotations, marked.Annotations, v1alpha1.AttachedAnnotation) {
		return false, nil
	}
	return true, c.write(func() {
		marked.Annotations = with(marked.Annotations, v1alpha1.AttachedAnnotation, before.Annotations)
		mine.object = *marked
		mine.owner, mine.carrel, mine.template = d.user, d.name, used.MadeOf
		mine.unneeded, mine.asked = 0, ""
		c.history.tell("%s is provided for %s", mine.name(), d.name)
	})
}

// with returns annotations in which the named one has its former value.
func with(annotations map[string]string, name string, before map[string]string) map[string]string {
	delete(annotations, name)
	if value, found := before[name]; found {
		annotations[name] = value
	}
	return annotations
}

func sameBut(a, b map[string]string, name string) bool {
	return maps.Equal(with(maps.Clone(a), name, nil), with(maps.Clone(b), name, nil))
}

// apply writes the Deployment, and deletes a pod that differs from it.
func (c *class) apply(d *desk, madeOf string, names map[string]string) {
	for volume, name := range d.deployment {
		if names[volume] != "" && names[volume] != name && d.resetAt == 0 {
			c.checkExchange(d, c.find(name), c.find(names[volume]))
		}
	}
	if !maps.Equal(d.deployment, names) || d.resetAt > 0 {
		d.pod, d.ready = nil, false
	}
	d.deployment, d.madeOf, d.resetAt = names, madeOf, 0
	switch {
	case !d.wanted:
		d.pod, d.ready = nil, false
	case d.pod == nil:
		d.pod = maps.Clone(names)
	}
}

// checkExchange checks that a carrel gets another claim only after a reset or a restore,
// or if its claim is empty.
func (c *class) checkExchange(d *desk, had, has *claim) {
	c.history.seen["exchanged"]++
	if had == nil || person(had.owner) != person(d.user) || had.owner != d.user && c.spelledTwice(d.user) {
		return
	}
	if has.act() <= had.act() && (had.worked || !has.worked) {
		c.history.fail("%s is given %s in the place of %s without a reason", d.name, has.name(), had.name())
	}
}

func (c *class) userland(d *desk) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: d.name}, Spec: v1alpha1.UserlandSpec{User: d.user}}
}

func (c *class) observe(d *desk, madeOf string) (volume.Need, volume.Stock) {
	need := volume.Need{Userland: c.userland(d), Template: d.template, MadeOf: madeOf, Mounted: d.deployment, Ready: d.ready}
	for _, name := range volumesOf[madeOf] {
		need.Volumes = append(need.Volumes, v1alpha1.Volume{Name: name, Retain: retainOf[name]})
	}
	if d.resetAt > 0 {
		need.ResetAt = &metav1.Time{Time: at(d.resetAt)}
	}
	stock := volume.Stock{Taken: map[string]bool{}}
	for _, one := range c.claims {
		object := *one.object.DeepCopy()
		stock.Taken[object.Name] = true
		owner := volume.OwnerOf(&object)
		switch {
		case roster.Person(owner) == roster.Person(d.user), slices.Contains(slices.Collect(maps.Values(d.deployment)), object.Name):
			stock.Claims = append(stock.Claims, object)
		case object.Labels[v1alpha1.UserlandLabel] == d.name && len(c.of(owner)) == 0:
			stock.Strangers = append(stock.Strangers, object)
		}
	}
	for _, name := range c.of(d.user) {
		if other := c.desks[name]; other != d {
			stock.Carrels = append(stock.Carrels, c.carrelOf(other))
		}
	}
	return need, stock
}

// carrelOf returns a desk in the form in which Assign takes the carrels of a person.
func (c *class) carrelOf(d *desk) volume.Carrel {
	volumes := slices.Clone(volumesOf[d.template])
	for mounted := range d.deployment {
		volumes = append(volumes, mounted)
	}
	slices.Sort(volumes)
	return volume.Carrel{Userland: c.userland(d), Template: d.template, Volumes: slices.Compact(volumes), Mounted: d.deployment, Ready: d.ready}
}
