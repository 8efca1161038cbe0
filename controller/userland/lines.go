package userland

import (
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// Lines are the queues of all courses. They are kept in memory only: what a
// restart of the controller forgets is in the statuses. Safe for concurrent use.
type Lines struct {
	// Waker wakes the Userlands whose turn it is.
	kube.Waker

	mutex sync.Mutex
	of    map[string]*lifecycle.Line
}

// NewLines has nobody in them.
func NewLines() *Lines {
	return &Lines{of: map[string]*lifecycle.Line{}}
}

// Turn returns the place of a carrel in the queue of its course, in which so many
// may be starting at once. A queue that is not known yet is made by the function.
func (l *Lines) Turn(userland client.ObjectKey, limit int, line func() (*lifecycle.Line, error), now time.Time) (lifecycle.Turn, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	queue := l.of[userland.Namespace]
	if queue == nil {
		made, err := line()
		if err != nil {
			return lifecycle.Turn{}, err
		}
		queue, l.of[userland.Namespace] = made, made
	}
	queue.Limit = limit
	return queue.Turn(userland.Name, now), nil
}

// Wait has a carrel wait for a place, and returns its place then: it may be granted
// at once. A carrel that is granted a place later is woken. The queue must be known,
// by Turn.
func (l *Lines) Wait(userland client.ObjectKey, ticket lifecycle.Ticket, now time.Time) lifecycle.Turn {
	turn, granted := l.wait(userland, ticket, now)
	l.Wake(userland.Namespace, granted...)
	return turn
}

func (l *Lines) wait(userland client.ObjectKey, ticket lifecycle.Ticket, now time.Time) (turn lifecycle.Turn, granted []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	queue, name := l.of[userland.Namespace], userland.Name
	if queue == nil {
		// The course stopped bounding its starts in between.
		return lifecycle.Turn{}, nil
	}
	if _, starting := queue.Starting[name]; !starting {
		queue.Waiting[name] = ticket
	}
	for _, next := range queue.Grant(now) {
		if next != name {
			granted = append(granted, next)
		}
	}
	return queue.Turn(name, now), granted
}

// Hold notes that a carrel is starting, whether it waited for it or not.
func (l *Lines) Hold(userland client.ObjectKey, now time.Time) {
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
	l.Wake(userland.Namespace, l.leave(userland, now)...)
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
