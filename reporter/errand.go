package reporter

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// errandLease is the Lease of the process that makes trial starts.
	errandLease = "carrel-errand"
	// leaseLasts is how long after a renewal the process counts as running.
	leaseLasts = 2 * time.Minute
	// errandEvery is how often the Lease is read at most.
	errandEvery = time.Minute
)

// errandRuns reports whether a process runs that makes trial starts. Without one no mark
// waits for a trial.
func (r *Reconciler) errandRuns(ctx context.Context) (bool, error) {
	r.errands.Lock()
	defer r.errands.Unlock()
	if now := r.Now(); now.Sub(r.errands.read) < errandEvery && !r.errands.read.IsZero() {
		return r.errands.runs, nil
	}
	var lease coordinationv1.Lease
	err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: r.ForgeNamespace, Name: errandLease}, &lease)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return false, err
	}
	renewed := lease.Spec.RenewTime
	r.errands.read, r.errands.runs = r.Now(), err == nil && renewed != nil && r.Now().Sub(renewed.Time) < leaseLasts
	return r.errands.runs, nil
}
