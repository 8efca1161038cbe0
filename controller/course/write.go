package course

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
)

// concurrentWrites bounds the writes of one roster that are under way at once: with
// concurrentCourses of them, no more than an API server on a small machine bears.
const concurrentWrites = 8

// write writes and removes the Userlands of a Plan, all or none of them: several
// are tried first. A quota does not count what is only tried, so it is read.
func (r *Reconciler) write(ctx context.Context, c *v1alpha1.Course, d enrolment.CourseDecision) *enrolment.Attempt {
	attempt := d.NewAttempt()
	if d.Plan.NeedsMore() {
		r.checkQuotas(ctx, c, d, attempt)
	}
	if !attempt.Failed() && len(d.Plan.Wants)+len(d.Plan.Removals) > 1 {
		r.writeWants(ctx, c, d.Plan, attempt, client.DryRunAll)
	}
	if !attempt.Failed() {
		r.writeWants(ctx, c, d.Plan, attempt)
	}
	if !attempt.Failed() && len(d.Plan.Removals) > 0 {
		r.remove(ctx, c, d, attempt)
	}
	if attempt.Failed() {
		r.attempts.set(client.ObjectKeyFromObject(c), attempt)
	} else {
		r.attempts.set(client.ObjectKeyFromObject(c), nil)
	}
	return attempt
}

// checkQuotas compares what the Plan adds with the quotas of the course.
func (r *Reconciler) checkQuotas(ctx context.Context, c *v1alpha1.Course, d enrolment.CourseDecision, attempt *enrolment.Attempt) {
	quotas := &corev1.ResourceQuotaList{}
	if err := r.Live.List(ctx, quotas, client.InNamespace(c.Namespace)); err != nil {
		attempt.FailQuotas(fmt.Errorf("list the quotas of the course: %w", err))
		return
	}
	if len(quotas.Items) == 0 {
		return
	}
	claims := &corev1.PersistentVolumeClaimList{}
	if err := r.List(ctx, claims, client.InNamespace(c.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		attempt.FailQuotas(fmt.Errorf("list the claims of the course: %w", err))
		return
	}
	attempt.FailQuota(d.OverQuota(quotas.Items, claims.Items))
}

// each makes n requests, concurrentWrites of them at once, and returns their errors
// by number. After an error that interrupts an attempt, it begins no more. Done
// reports whether any request succeeded.
func each(ctx context.Context, n int, request func(i int) error) (errs []error, done bool) {
	more, stop := context.WithCancel(ctx)
	defer stop()
	var succeeded atomic.Bool
	errs = make([]error, n)
	workqueue.ParallelizeUntil(more, concurrentWrites, n, func(i int) {
		switch errs[i] = request(i); {
		case errs[i] == nil:
			succeeded.Store(true)
		case enrolment.Interrupts(errs[i]):
			stop()
		}
	})
	return errs, succeeded.Load()
}

// dryRun is the option of a write that is only tried.
type dryRun interface {
	client.CreateOption
	client.ApplyOption
}

// writeWants writes Userlands, or tries to.
func (r *Reconciler) writeWants(ctx context.Context, c *v1alpha1.Course, plan enrolment.Plan, attempt *enrolment.Attempt, how ...dryRun) {
	errs, done := each(ctx, len(plan.Wants), func(i int) error { return r.writeWant(ctx, c, plan.Wants[i], how) })
	attempt.Begun = attempt.Begun || done && len(how) == 0
	for i, err := range errs {
		if err != nil {
			attempt.FailWant(plan.Wants[i], fmt.Errorf("userland %q: %w", plan.Wants[i].Name, err))
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
		r.gathered.Delete(client.ObjectKey{Namespace: u.Namespace, Name: u.Namespace})
		return fmt.Errorf("it exists, and this controller does not see it; if that goes on, label it as its Course is labelled: %w", err)
	case err == nil && len(how) == 0:
		r.Recent.Wrote(userlandKind, u)
	}
	return err
}

// remove deletes Userlands that no row names, once the status records it. One that
// changed in the meantime is left to the next reconciliation.
func (r *Reconciler) remove(ctx context.Context, c *v1alpha1.Course, d enrolment.CourseDecision, attempt *enrolment.Attempt) {
	if status, due := d.Record(); due {
		if err := r.writeStatus(ctx, c, status); err != nil {
			attempt.FailRecord(err)
			return
		}
	}
	plan := d.Plan
	errs, done := each(ctx, len(plan.Removals), func(i int) error {
		err := r.Delete(ctx, plan.Removals[i], client.Preconditions{UID: &plan.Removals[i].UID})
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return nil
		}
		return err
	})
	attempt.Begun = attempt.Begun || done
	for i, err := range errs {
		if err != nil {
			attempt.FailRemoval(plan.Removals[i], fmt.Errorf("userland %q: %w", plan.Removals[i].Name, err))
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
