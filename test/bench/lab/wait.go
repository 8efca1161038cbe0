package lab

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// HasStatus reports whether the controller has observed the Userland's present
// spec.
func HasStatus(u *v1alpha1.Userland) bool { return u.Status.ObservedGeneration == u.Generation }

// IsIn returns a predicate for Userlands that are Ready and in the given state.
func IsIn(state string) func(*v1alpha1.Userland) bool {
	return func(u *v1alpha1.Userland) bool {
		return HasStatus(u) && u.Status.State == state && meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition)
	}
}

// Reached holds the times at which the first and the last Userland met the
// predicate.
type Reached struct {
	First, Last time.Time
	Err         error
}

// Follow watches the Userlands that will be created. It sends once on the returned
// channel, when count Userlands have met the predicate is.
func Follow(ctx context.Context, c client.WithWatch, count int, is func(*v1alpha1.Userland) bool) (<-chan Reached, error) {
	// A watch reports existing objects as added.
	w, err := c.Watch(ctx, &v1alpha1.UserlandList{}, client.InNamespace(Course))
	if err != nil {
		return nil, fmt.Errorf("watch the userlands: %w", err)
	}
	done := make(chan Reached, 1)
	go func() {
		defer w.Stop()
		done <- follow(ctx, w, count, is)
	}()
	return done, nil
}

func follow(ctx context.Context, w watch.Interface, count int, is func(*v1alpha1.Userland) bool) Reached {
	var r Reached
	reached := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return Reached{Err: ctx.Err()}
		case event, open := <-w.ResultChan():
			u, ok := event.Object.(*v1alpha1.Userland)
			if !open || !ok {
				return Reached{Err: fmt.Errorf("the watch of the userlands ended early, with %v", event.Object)}
			}
			if !is(u) || reached[u.Name] {
				continue
			}
			reached[u.Name] = true
			r.Last = time.Now()
			if len(reached) == 1 {
				r.First = r.Last
			}
			if len(reached) == count {
				return r
			}
		}
	}
}

// Judged waits until the Template is accepted.
func Judged(ctx context.Context, c client.Reader) error {
	for {
		template := &v1alpha1.Template{}
		if err := c.Get(ctx, client.ObjectKeyFromObject(Template()), template); err != nil {
			return fmt.Errorf("read the template: %w", err)
		}
		if meta.IsStatusConditionTrue(template.Status.Conditions, v1alpha1.ReadyCondition) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Settled waits until the controller has sent no request for the time quiet, and
// returns its metrics.
func (c *Controller) Settled(ctx context.Context, quiet time.Duration) (Metrics, error) {
	began := time.Now()
	last, since := -1, began
	for {
		m, err := c.Metrics(ctx)
		// The controller needs a moment before it answers.
		if err != nil && time.Since(began) > starting {
			return nil, err
		}
		if writes, reads := m.Requests(); err != nil || writes+reads != last {
			last, since = writes+reads, time.Now()
		}
		if time.Since(since) >= quiet {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// starting bounds the time until a controller answers with its metrics.
const starting = 30 * time.Second
