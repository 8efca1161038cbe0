package course

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
)

// write writes and removes the Userlands of a Plan, all or none of them: several
// are tried first. A quota can refuse some all the same, since it does not count
// what is only tried.
func (r *Reconciler) write(ctx context.Context, c *v1alpha1.Course, d enrolment.CourseDecision) *enrolment.Attempt {
	attempt := d.NewAttempt()
	if len(d.Plan.Wants)+len(d.Plan.Removals) > 1 {
		r.writeWants(ctx, c, d.Plan, attempt, client.DryRunAll)
	}
	if !attempt.Failed() {
		r.writeWants(ctx, c, d.Plan, attempt)
	}
	if !attempt.Failed() {
		r.remove(ctx, d.Plan, attempt)
	}
	if attempt.Failed() {
		r.attempts.set(client.ObjectKeyFromObject(c), attempt)
	} else {
		r.attempts.set(client.ObjectKeyFromObject(c), nil)
	}
	return attempt
}

// dryRun is the option of a write that is only tried.
type dryRun interface {
	client.CreateOption
	client.ApplyOption
}

// writeWants writes Userlands, or tries to.
func (r *Reconciler) writeWants(ctx context.Context, c *v1alpha1.Course, plan enrolment.Plan, attempt *enrolment.Attempt, how ...dryRun) {
	for _, want := range plan.Wants {
		err := r.writeWant(ctx, c, want, how)
		switch {
		case err == nil:
			attempt.Begun = attempt.Begun || len(how) == 0
		case !attempt.FailWant(want, fmt.Errorf("userland %q: %w", want.Name, err)):
			return
		}
	}
}

func (r *Reconciler) writeWant(ctx context.Context, c *v1alpha1.Course, want enrolment.Want, how []dryRun) error {
	intent := enrolment.Userland(c, want)
	if want.Found == nil {
		return r.create(ctx, intent, how)
	}
	// Never a namesake that came in its place in the meantime.
	intent.WithUID(want.Found.UID)
	options := []client.ApplyOption{client.FieldOwner(kube.FieldOwner), client.ForceOwnership}
	for _, option := range how {
		options = append(options, option)
	}
	if err := r.Apply(ctx, intent, options...); err != nil || len(how) > 0 {
		return err
	}
	written := want.Found.DeepCopy()
	written.ResourceVersion = *intent.ResourceVersion
	r.Recent.Wrote(userlandKind, written)
	return nil
}

// create posts a Userland: unlike an apply, a post can't take over one that the
// cache does not show.
func (r *Reconciler) create(ctx context.Context, intent *v1alpha1ac.UserlandApplyConfiguration, how []dryRun) error {
	u, err := kube.Typed[v1alpha1.Userland](intent)
	if err != nil {
		return err
	}
	options := []client.CreateOption{client.FieldOwner(kube.FieldOwner)}
	for _, option := range how {
		options = append(options, option)
	}
	err = r.Create(ctx, u, options...)
	switch {
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("it exists, and this controller does not see it; if that goes on, label it as its Course is labelled: %w", err)
	case err == nil && len(how) == 0:
		r.Recent.Wrote(userlandKind, u)
	}
	return err
}

// remove deletes Userlands that no row names. One that changed in the meantime is
// left to the next reconciliation.
func (r *Reconciler) remove(ctx context.Context, plan enrolment.Plan, attempt *enrolment.Attempt) {
	for _, u := range plan.Removals {
		err := r.Delete(ctx, u, client.Preconditions{UID: &u.UID})
		switch {
		case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err):
			attempt.Begun = true
		case !attempt.FailRemoval(u, fmt.Errorf("userland %q: %w", u.Name, err)):
			return
		}
	}
}

// attempts remembers, by Course, the last attempt that failed, so that the API
// server is not asked the same at each event of a class. What a restart forgets
// costs one more question. The zero value remembers nothing.
type attempts struct {
	mutex sync.Mutex
	last  map[client.ObjectKey]*enrolment.Attempt
}

func (a *attempts) get(course client.ObjectKey) *enrolment.Attempt {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.last[course]
}

// set remembers an attempt; nil forgets the last one.
func (a *attempts) set(course client.ObjectKey, attempt *enrolment.Attempt) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.last, course)
	if attempt == nil {
		return
	}
	if a.last == nil {
		a.last = map[client.ObjectKey]*enrolment.Attempt{}
	}
	a.last[course] = attempt
}
