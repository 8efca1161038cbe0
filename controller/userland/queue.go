package userland

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// queue has a carrel that is to start wait for its turn, where the course bounds
// how many start at once. Who runs is not stopped for it.
func (r *Reconciler) queue(ctx context.Context, u *v1alpha1.Userland, c choice, facts lifecycle.PresenceFacts, d lifecycle.PresenceDecision) (lifecycle.PresenceDecision, error) {
	if c.course.Spec.MaxStarting == nil {
		r.Lines.Drop(u.Namespace)
		return d, nil
	}
	if d.Presence != health.Running || facts.Running {
		return d, nil
	}
	waiting := d.Queue(facts, time.Time{})
	admitted, again, err := r.Lines.Admit(StartRequest{
		Userland: client.ObjectKeyFromObject(u),
		Ticket:   lifecycle.Ticket{Session: c.meets.Since, Since: waiting.QueuedSince.Time},
		Limit:    int(ptr.Deref(c.course.Spec.MaxStarting, 0)),
		Class:    func() ([]v1alpha1.Userland, error) { return r.class(ctx, u.Namespace) },
		Session:  c.sessionOf(facts.Now),
		Now:      facts.Now,
	})
	if admitted || err != nil {
		return d, err
	}
	return d.Queue(facts, again), nil
}

func (r *Reconciler) class(ctx context.Context, namespace string) ([]v1alpha1.Userland, error) {
	class := &v1alpha1.UserlandList{}
	if err := r.List(ctx, class, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the userlands of the course: %w", err)
	}
	return class.Items, nil
}

// sessionOf tells since when the timetable wants the carrels of a section.
func (c choice) sessionOf(now time.Time) func(section string) time.Time {
	return func(section string) time.Time {
		if c.table == nil {
			return time.Time{}
		}
		return c.table.At(section, now).Since
	}
}

// arrived tells the queue how a carrel is doing.
func (r *Reconciler) arrived(u *v1alpha1.Userland, o outcome) {
	key, now := client.ObjectKeyFromObject(u), r.Clock.Now()
	switch o.finding.State {
	case v1alpha1.StateQueued:
	case v1alpha1.StateStarting:
		r.Lines.Starting(key, now)
	default:
		r.Lines.Leave(key, now)
	}
}
