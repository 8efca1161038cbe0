package userland

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// turn reads the place of a carrel in the queue of its course. A carrel that runs
// needs none.
func (o *Observer) turn(ctx context.Context, w *lifecycle.World) error {
	limit := w.Course.Spec.MaxStarting
	if limit == nil {
		o.Lines.Drop(w.Userland.Namespace)
		return nil
	}
	if w.Runs() {
		w.Turn.Bounded = true
		return nil
	}
	line := func() (*lifecycle.Line, error) {
		class, err := userlandsOf(ctx, o.Shard.Whole(o), w.Userland.Namespace)
		return lifecycle.RebuildLine(class, o.sessions(w.Course, w.Now)), err
	}
	turn, err := o.Lines.Turn(client.ObjectKeyFromObject(w.Userland), int(*limit), line, w.Now)
	w.Turn = turn
	return err
}

// sessions returns since when the timetable wants the carrels of a section; zero:
// it does not.
func (o *Observer) sessions(course *v1alpha1.Course, now time.Time) func(section string) time.Time {
	table, _ := o.Timetables.Of(course)
	return func(section string) time.Time {
		if table == nil {
			return time.Time{}
		}
		return table.At(section, now).Since
	}
}

// Decide returns the decision about a carrel. The queue answers one that is to wait
// at once: if there is a place, it starts in the same pass. The World returned is
// the one that the decision rests on.
func (l *Lines) Decide(w lifecycle.World) (lifecycle.World, lifecycle.Decision) {
	d := lifecycle.Decide(w)
	if d.Queue != lifecycle.QueueWait {
		return w, d
	}
	w.Turn = l.Wait(client.ObjectKeyFromObject(w.Userland), d.Ticket(w), w.Now)
	return w, lifecycle.Decide(w)
}

// Take takes the step of a decision in the queue.
func (l *Lines) Take(userland client.ObjectKey, step lifecycle.QueueStep, now time.Time) {
	switch step {
	case lifecycle.QueueHold:
		l.Hold(userland, now)
	case lifecycle.QueueLeave:
		l.Leave(userland, now)
	}
}

func userlandsOf(ctx context.Context, c client.Reader, namespace string) ([]v1alpha1.Userland, error) {
	class := &v1alpha1.UserlandList{}
	if err := c.List(ctx, class, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the userlands of the course: %w", err)
	}
	return class.Items, nil
}
