package directory

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// Index holds courses and their carrels. It is safe for concurrent use. NewIndex makes
// one.
type Index struct {
	mu      sync.RWMutex
	courses map[string]*course
	// users holds the carrels of a user, by course and name.
	users map[string]map[key]bool
	// closed holds the nodes that take no further pods, as before a drain.
	closed   map[string]bool
	watchers watchers
	heard    heard
}

type key struct{ course, name string }

// course holds the objects of one namespace.
type course struct {
	object    *v1alpha1.Course
	templates map[string]*v1alpha1.Template
	userlands map[string]*v1alpha1.Userland
	// slices are by Userland, then by name. They may come before the Userland.
	slices map[string]map[string]*discoveryv1.EndpointSlice
	// carrels are made of the objects above.
	carrels map[string]Carrel
	// kept holds the volumes that no carrel uses, by claim.
	kept map[string]volume.Kept
}

// NewIndex returns an empty Index.
func NewIndex() *Index {
	return &Index{courses: map[string]*course{}, users: map[string]map[key]bool{}, closed: map[string]bool{}, watchers: watchers{by: map[string]map[chan struct{}]bool{}}}
}

// Carrel returns a carrel by course and name; false if there is none.
func (x *Index) Carrel(course, name string) (Carrel, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.courses[course]
	if c == nil {
		return Carrel{}, false
	}
	found, ok := c.carrels[name]
	return found, ok
}

// OfUser returns the carrels of a user in all courses, sorted by course and name.
func (x *Index) OfUser(user string) []Carrel {
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := make([]Carrel, 0, len(x.users[user]))
	for k := range x.users[user] {
		found = append(found, x.courses[k.course].carrels[k.name])
	}
	sortCarrels(found)
	return found
}

// InCourse returns the carrels of a course, sorted by name.
func (x *Index) InCourse(course string) []Carrel {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.courses[course]
	if c == nil {
		return nil
	}
	found := make([]Carrel, 0, len(c.carrels))
	for _, carrel := range c.carrels {
		found = append(found, carrel)
	}
	sortCarrels(found)
	return found
}

func sortCarrels(carrels []Carrel) {
	slices.SortFunc(carrels, func(a, b Carrel) int {
		return cmp.Or(cmp.Compare(a.Course, b.Course), cmp.Compare(a.Name, b.Name))
	})
}

// Course returns a course, which must not be changed; false if there is none.
func (x *Index) Course(name string) (*v1alpha1.Course, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.courses[name]
	if c == nil || c.object == nil {
		return nil, false
	}
	return c.object, true
}

// Courses returns all courses, sorted by name. They must not be changed.
func (x *Index) Courses() []*v1alpha1.Course {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []*v1alpha1.Course
	for _, c := range x.courses {
		if c.object != nil {
			all = append(all, c.object)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.Course) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Kept returns the volumes of a course that no carrel uses, those to be deleted first
// first.
func (x *Index) Kept(course string) []volume.Kept {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.courses[course]
	if c == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(c.kept), volume.Kept.Compare)
}

// Draining reports whether the node of a carrel takes no further pods. Its pods are then
// about to be evicted.
func (x *Index) Draining(c Carrel) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.closed[c.Node]
}

// Put adds or replaces a Course, Template, Userland, EndpointSlice, PersistentVolumeClaim
// or Node. It ignores other objects, and Courses whose name is not that of
// their namespace.
func (x *Index) Put(object any) { x.change(object, false) }

// Delete removes an object.
func (x *Index) Delete(object any) { x.change(object, true) }

func (x *Index) change(object any, gone bool) {
	switch o := object.(type) {
	case *v1alpha1.Course:
		if o.Name == o.Namespace {
			x.update(o.Namespace, func(c *course) { c.object = unless(gone, o) })
		}
	case *v1alpha1.Template:
		x.update(o.Namespace, func(c *course) { x.putTemplate(c, o, gone) })
	case *v1alpha1.Userland:
		x.update(o.Namespace, func(c *course) { x.putUserland(c, o, gone) })
	case *discoveryv1.EndpointSlice:
		x.update(o.Namespace, func(c *course) { x.putSlice(c, o, gone) })
	case *corev1.Node:
		x.mu.Lock()
		set(x.closed, o.Name, true, gone || !o.Spec.Unschedulable)
		x.mu.Unlock()
	case *corev1.PersistentVolumeClaim:
		k, dated := volume.KeptOf(o)
		x.update(o.Namespace, func(c *course) { set(c.kept, o.Name, k, gone || !dated) })
	}
}

// update changes the objects of a course, drops the course if it has none left, and
// notifies its watchers.
func (x *Index) update(name string, change func(*course)) {
	x.mu.Lock()
	c := x.courses[name]
	if c == nil {
		c = &course{
			templates: map[string]*v1alpha1.Template{}, userlands: map[string]*v1alpha1.Userland{},
			slices: map[string]map[string]*discoveryv1.EndpointSlice{}, carrels: map[string]Carrel{},
			kept: map[string]volume.Kept{},
		}
		x.courses[name] = c
	}
	change(c)
	if c.object == nil && len(c.templates) == 0 && len(c.userlands) == 0 && len(c.slices) == 0 && len(c.kept) == 0 {
		delete(x.courses, name)
	}
	x.mu.Unlock()
	x.watchers.notify(name)
}

func (x *Index) putTemplate(c *course, t *v1alpha1.Template, gone bool) {
	set(c.templates, t.Name, t, gone)
	for _, u := range c.userlands {
		if templateOf(u) == t.Name {
			x.refresh(c, u)
		}
	}
}

func (x *Index) putUserland(c *course, u *v1alpha1.Userland, gone bool) {
	set(c.userlands, u.Name, u, gone)
	k := key{u.Namespace, u.Name}
	if before, known := c.carrels[u.Name]; known {
		x.disown(before.User, k)
		delete(c.carrels, u.Name)
	}
	if gone {
		return
	}
	if x.users[u.User()] == nil {
		x.users[u.User()] = map[key]bool{}
	}
	x.users[u.User()][k] = true
	x.refresh(c, u)
}

// disown removes a carrel from those of a user.
func (x *Index) disown(user string, k key) {
	delete(x.users[user], k)
	if len(x.users[user]) == 0 {
		delete(x.users, user)
	}
}

func (x *Index) putSlice(c *course, s *discoveryv1.EndpointSlice, gone bool) {
	name := s.Labels[v1alpha1.UserlandLabel]
	if name == "" {
		return
	}
	if c.slices[name] == nil {
		c.slices[name] = map[string]*discoveryv1.EndpointSlice{}
	}
	set(c.slices[name], s.Name, s, gone)
	if len(c.slices[name]) == 0 {
		delete(c.slices, name)
	}
	if u := c.userlands[name]; u != nil {
		x.refresh(c, u)
	}
}

// refresh makes the carrel of a Userland again, after one of its objects changed.
func (x *Index) refresh(c *course, u *v1alpha1.Userland) {
	t := c.templates[templateOf(u)]
	target, node := targetOf(c.slices[u.Name], t)
	carrel := NewCarrel(u, t, target)
	carrel.Node = node
	c.carrels[u.Name] = carrel
}

func set[T any](all map[string]T, name string, one T, gone bool) {
	if gone {
		delete(all, name)
		return
	}
	all[name] = one
}

func unless[T any](gone bool, one *T) *T {
	if gone {
		return nil
	}
	return one
}
