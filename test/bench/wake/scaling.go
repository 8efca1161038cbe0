package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/test/bench/lab"
)

// scaling holds the times at which Deployments were seen scaled, by name. A
// Deployment has the name of its Userland.
type scaling struct {
	up, down map[string]time.Time
	err      error
}

// watchScaling sends once, when count Deployments have been scaled up and down
// again.
func watchScaling(ctx context.Context, c client.WithWatch, count int) (<-chan scaling, error) {
	w, err := c.Watch(ctx, &appsv1.DeploymentList{}, client.InNamespace(lab.Course))
	if err != nil {
		return nil, fmt.Errorf("watch the deployments: %w", err)
	}
	done := make(chan scaling, 1)
	go func() {
		defer w.Stop()
		done <- record(ctx, w, count)
	}()
	return done, nil
}

func record(ctx context.Context, w watch.Interface, count int) scaling {
	s := scaling{up: map[string]time.Time{}, down: map[string]time.Time{}}
	for len(s.down) < count {
		select {
		case <-ctx.Done():
			return scaling{err: ctx.Err()}
		case event, open := <-w.ResultChan():
			d, ok := event.Object.(*appsv1.Deployment)
			if !open || !ok {
				return scaling{err: fmt.Errorf("the watch of the deployments ended early, with %v", event.Object)}
			}
			s.note(d)
		}
	}
	return s
}

func (s *scaling) note(d *appsv1.Deployment) {
	_, up := s.up[d.Name]
	_, down := s.down[d.Name]
	runs := ptr.Deref(d.Spec.Replicas, 1) > 0
	switch {
	case runs && !up:
		s.up[d.Name] = time.Now()
	case !runs && up && !down:
		s.down[d.Name] = time.Now()
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
