// Package gatewaytest is what tests of the gateway's pages share: a directory in
// memory, and a class to fill it with.
package gatewaytest

import (
	"slices"
	"strings"
	"sync"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// Directory holds what a test puts in, and tells who watches.
type Directory struct {
	mu       sync.Mutex
	courses  map[string]*v1alpha1.Course
	carrels  map[string]directory.Carrel
	watchers map[chan struct{}]bool
}

// New is an empty Directory.
func New() *Directory {
	return &Directory{courses: map[string]*v1alpha1.Course{}, carrels: map[string]directory.Carrel{}, watchers: map[chan struct{}]bool{}}
}

// Put adds or replaces courses.
func (d *Directory) Put(courses ...*v1alpha1.Course) {
	d.change(func() {
		for _, c := range courses {
			d.courses[c.Name] = c
		}
	})
}

// Set adds or replaces a carrel; target is where it answers, empty: nowhere.
func (d *Directory) Set(u *v1alpha1.Userland, target string) {
	d.change(func() { d.carrels[u.Namespace+"/"+u.Name] = directory.NewCarrel(u, nil, target) })
}

// Remove removes a carrel.
func (d *Directory) Remove(course, name string) {
	d.change(func() { delete(d.carrels, course+"/"+name) })
}

func (d *Directory) change(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
	for w := range d.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Carrel is one of them.
func (d *Directory) Carrel(course, name string) (directory.Carrel, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, found := d.carrels[course+"/"+name]
	return c, found
}

// Of are those of a user, In those of a course, by name.
func (d *Directory) Of(user string) []directory.Carrel {
	return d.those(func(c directory.Carrel) bool { return c.User == user })
}

// In are those of a course, by name.
func (d *Directory) In(course string) []directory.Carrel {
	return d.those(func(c directory.Carrel) bool { return c.Course == course })
}

func (d *Directory) those(are func(directory.Carrel) bool) []directory.Carrel {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []directory.Carrel
	for _, c := range d.carrels {
		if are(c) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b directory.Carrel) int { return strings.Compare(a.Course+"/"+a.Name, b.Course+"/"+b.Name) })
	return found
}

// Course is one of them.
func (d *Directory) Course(name string) (*v1alpha1.Course, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, found := d.courses[name]
	return c, found
}

// Courses are all of them.
func (d *Directory) Courses() []*v1alpha1.Course {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*v1alpha1.Course
	for _, c := range d.courses {
		all = append(all, c)
	}
	return all
}

// Watch tells after each change, of whatever course.
func (d *Directory) Watch(string) (<-chan struct{}, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	told := make(chan struct{}, 1)
	d.watchers[told] = true
	return told, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, told)
	}
}
