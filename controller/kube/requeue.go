package kube

import (
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/core/health"
)

// Requeue returns the result that reconciles an object again at a moment; zero:
// only when something happens. With an error, the queue chooses the moment.
func Requeue(next, now time.Time, err error) (ctrl.Result, error) {
	if err != nil || next.IsZero() {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(now), time.Millisecond)}, nil
}

// Retry returns the result that tries a write again of which no status says that it
// failed. Only an API server that does not answer counts as an error of the
// reconciliation: a conflict is ordinary.
func Retry(err error) (ctrl.Result, error) {
	if problem := health.Classify(err); problem.Cause != health.Unavailable {
		return ctrl.Result{RequeueAfter: problem.Retry}, nil
	}
	return ctrl.Result{}, err
}
