package lab

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
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

// Watch calls see for each object of a kind in Course: for those that exist before
// it returns, and again at each change until the context ends. see is never called
// twice at once. Watches that the API server ends are resumed.
func (p *ControlPlane) Watch(ctx context.Context, kind client.Object, see func(client.Object)) error {
	objects, err := cache.New(p.Config, cache.Options{Scheme: apiserver.Scheme(), DefaultNamespaces: map[string]cache.Config{Course: {}}})
	if err != nil {
		return fmt.Errorf("make a cache: %w", err)
	}
	informer, err := objects.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %T: %w", kind, err)
	}
	seen, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { see(o.(client.Object)) },
		UpdateFunc: func(_, o any) { see(o.(client.Object)) },
	})
	if err != nil {
		return fmt.Errorf("watch %T: %w", kind, err)
	}
	// Start returns when the context ends.
	go func() { _ = objects.Start(ctx) }()
	if !toolscache.WaitForCacheSync(ctx.Done(), seen.HasSynced) {
		return fmt.Errorf("watch %T: %w", kind, ctx.Err())
	}
	return nil
}

// Reached holds the times at which the first and the last Userland met the
// predicate.
type Reached struct{ First, Last time.Time }

// Follow watches the Userlands, also those that will be created. The returned
// function waits until count of them have met the predicate is.
func (p *ControlPlane) Follow(ctx context.Context, count int, is func(*v1alpha1.Userland) bool) (wait func() (Reached, error), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var r Reached
	reached, done := map[string]bool{}, make(chan struct{})
	err = p.Watch(ctx, &v1alpha1.Userland{}, func(o client.Object) {
		u := o.(*v1alpha1.Userland)
		if len(reached) == count || reached[u.Name] || !is(u) {
			return
		}
		reached[u.Name] = true
		r.Last = time.Now()
		if len(reached) == 1 {
			r.First = r.Last
		}
		if len(reached) == count {
			close(done)
		}
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return func() (Reached, error) {
		defer cancel()
		select {
		case <-ctx.Done():
			return Reached{}, ctx.Err()
		case <-done:
			return r, nil
		}
	}, nil
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
