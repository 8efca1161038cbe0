package userland

import (
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// Lines are the queues of all courses. They are kept in memory only: what a
// restart of the controller forgets is in the statuses. Safe for concurrent use.
type Lines struct {
	// Wake carries the Userlands whose turn it is.
	Wake chan event.TypedGenericEvent[*v1alpha1.Userland]

	mutex sync.Mutex
	of    map[string]*lifecycle.Line
}

// NewLines has nobody in them.
func NewLines() *Lines {
	return &Lines{Wake: make(chan event.TypedGenericEvent[*v1alpha1.Userland], 1024), of: map[string]*lifecycle.Line{}}
}

// A StartRequest is that of a carrel that wants to start.
type StartRequest struct {
	Userland client.ObjectKey
	Ticket   lifecycle.Ticket
	// Limit is how many of the course may be starting at once.
	Limit int
	// Class lists the Userlands of the course, and Session tells a section since
	// when the timetable wants its carrels. They are asked when the queue of a
	// course is not known yet.
	Class   func() ([]v1alpha1.Userland, error)
	Session func(section string) time.Time
	// Now is the time.
	Now time.Time
}

// Admit reports whether a carrel may start now. One that may not waits, is told
// by Wake, and is to ask again at a time.
func (l *Lines) Admit(r StartRequest) (admitted bool, again time.Time, err error) {
	granted, admitted, again, err := l.admit(r)
	l.wake(r.Userland.Namespace, granted)
	return admitted, again, err
}

func (l *Lines) admit(r StartRequest) (granted []string, admitted bool, again time.Time, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	queue, name := l.of[r.Userland.Namespace], r.Userland.Name
	if queue == nil {
		class, err := r.Class()
		if err != nil {
			return nil, false, time.Time{}, err
		}
		queue = lifecycle.RebuildLine(class, r.Session)
		l.of[r.Userland.Namespace] = queue
	}
	queue.Limit = r.Limit
	if _, admitted := queue.Starting[name]; !admitted {
		queue.Waiting[name] = r.Ticket
	}
	for _, next := range queue.Grant(r.Now) {
		if next != name {
			granted = append(granted, next)
		}
	}
	_, admitted = queue.Starting[name]
	return granted, admitted, queue.Free(r.Now), nil
}

// Starting notes that a carrel is starting, whether it asked or not.
func (l *Lines) Starting(userland client.ObjectKey, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	queue := l.of[userland.Namespace]
	if queue == nil {
		return
	}
	delete(queue.Waiting, userland.Name)
	if _, known := queue.Starting[userland.Name]; !known {
		queue.Starting[userland.Name] = now
	}
}

// Leave notes that a carrel neither starts nor waits any more. The next take its
// place.
func (l *Lines) Leave(userland client.ObjectKey, now time.Time) {
	l.wake(userland.Namespace, l.leave(userland, now))
}

func (l *Lines) leave(userland client.ObjectKey, now time.Time) (granted []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	queue := l.of[userland.Namespace]
	if queue == nil {
		return nil
	}
	delete(queue.Waiting, userland.Name)
	delete(queue.Starting, userland.Name)
	return queue.Grant(now)
}

// Drop forgets the queue of a course that has none any more.
func (l *Lines) Drop(course string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.of, course)
}

func (l *Lines) wake(course string, names []string) {
	for _, name := range names {
		u := &v1alpha1.Userland{}
		u.Namespace, u.Name = course, name
		l.Wake <- event.TypedGenericEvent[*v1alpha1.Userland]{Object: u}
	}
}
