package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/test/bench/lab"
)

// scaling holds the times at which Deployments were seen scaled, by name. A
// Deployment has the name of its Userland.
type scaling struct {
	count    int
	up, down map[string]time.Time
	// complete is closed when count Deployments have been scaled up and down again.
	// The times may be read then.
	complete chan struct{}
}

// watchScaling notes the times until count Deployments have been scaled up and down
// again.
func watchScaling(ctx context.Context, p *lab.ControlPlane, count int) (*scaling, error) {
	s := &scaling{count: count, up: map[string]time.Time{}, down: map[string]time.Time{}, complete: make(chan struct{})}
	return s, p.Watch(ctx, &appsv1.Deployment{}, func(o client.Object) { s.note(o.(*appsv1.Deployment)) })
}

func (s *scaling) note(d *appsv1.Deployment) {
	_, up := s.up[d.Name]
	_, down := s.down[d.Name]
	runs := ptr.Deref(d.Spec.Replicas, 1) > 0
	switch {
	case len(s.down) == s.count:
	case runs && !up:
		s.up[d.Name] = time.Now()
	case !runs && up && !down:
		if s.down[d.Name] = time.Now(); len(s.down) == s.count {
			close(s.complete)
		}
	}
}

// wakeAll records activity at even intervals. It returns the time at which each
// write began.
func (b *bench) wakeAll(ctx context.Context, c client.Client) (map[string]time.Time, error) {
	asked := map[string]time.Time{}
	turns := time.NewTicker(b.spread / time.Duration(b.woken))
	defer turns.Stop()
	for number := range b.woken {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-turns.C:
		}
		u := lab.Userland(number)
		before := u.DeepCopy()
		asked[u.Name] = time.Now()
		u.Status.LastActivityTime = ptr.To(metav1.Now())
		if err := c.Status().Patch(ctx, u, client.MergeFrom(before)); err != nil {
			return nil, fmt.Errorf("write the activity of %s: %w", u.Name, err)
		}
	}
	return asked, nil
}

// due returns the time at which each carrel reached its idle limit, as its status
// records.
func (b *bench) due(ctx context.Context, c client.Client) (map[string]time.Time, error) {
	list := &v1alpha1.UserlandList{}
	if err := c.List(ctx, list, client.InNamespace(lab.Course)); err != nil {
		return nil, fmt.Errorf("list the userlands: %w", err)
	}
	due := map[string]time.Time{}
	for _, u := range list.Items {
		due[u.Name] = lifecycle.SleepAt(lifecycle.PresenceFacts{
			Idle: &v1alpha1.Idle{After: metav1.Duration{Duration: b.idle()}}, Status: u.Status, Now: time.Now(),
		})
	}
	return due, nil
}
