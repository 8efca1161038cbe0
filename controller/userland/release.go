package userland

import (
	"context"
	"errors"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
)

// release takes the steps that are due for the volumes of a Userland that is gone.
func (r *Reconciler) release(ctx context.Context, userland client.ObjectKey) (ctrl.Result, error) {
	if gone, err := r.Shard.Gone(ctx, userland, &v1alpha1.Userland{}); err != nil || !gone {
		return ctrl.Result{}, err
	}
	r.Lines.Leave(userland, r.Clock.Now())
	r.Prober.Forget(userland)
	if suspended, err := r.suspended(ctx, userland.Namespace); err != nil || suspended {
		return ctrl.Result{}, err
	}
	next, err := r.Volumes.Release(ctx, userland)
	switch {
	case errors.Is(err, kube.ErrCacheBehind):
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	case err != nil:
		return retry(err)
	default:
		return ctrl.Result{RequeueAfter: r.until(next)}, nil
	}
}

// suspended reports whether nothing of a course is to be touched. When that ends,
// everybody is reconciled.
func (r *Reconciler) suspended(ctx context.Context, namespace string) (bool, error) {
	course := &v1alpha1.Course{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, course); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read course %q: %w", namespace, err)
	}
	return course.Spec.Suspend, nil
}
