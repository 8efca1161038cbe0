package kube

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// Timetables caches the timetables of Courses, computed once for each edit. The zero value
// has none. Safe for concurrent use.
type Timetables struct {
	mutex sync.Mutex
	of    map[types.NamespacedName]timetableEntry
}

type timetableEntry struct {
	uid        types.UID
	generation int64
	table      *timetable.Table
	err        error
}

// Of is the timetable of a Course; nil if it has none. Its errors are those of
// timetable.New.
func (t *Timetables) Of(c *v1alpha1.Course) (*timetable.Table, error) {
	key := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if c.Spec.Timetable == nil {
		delete(t.of, key)
		return nil, nil
	}
	known, found := t.of[key]
	if !found || known.uid != c.UID || known.generation != c.Generation {
		known = timetableEntry{uid: c.UID, generation: c.Generation}
		known.table, known.err = timetable.New(*c.Spec.Timetable)
		if t.of == nil {
			t.of = map[types.NamespacedName]timetableEntry{}
		}
		t.of[key] = known
	}
	return known.table, known.err
}
