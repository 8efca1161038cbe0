package userland

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	corevolume "github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// recheck is how often something is tried again whose end no watch tells of: a
// foreign object in the way, a quota.
const recheck = 2 * time.Minute

// explain turns an error that people must know of into a finding. Others are
// returned, for the queue to try again.
func explain(err error) (health.Finding, error) {
	var (
		foreign *workload.ForeignError
		leaving *workload.LeavingError
		other   *corevolume.OtherUserError
	)
	switch {
	case errors.As(err, &other):
		return stalled(v1alpha1.VolumeOfAnotherUserReason, other, 0), nil
	case errors.As(err, &foreign):
		return stalled(v1alpha1.ForeignObjectReason, foreign, recheck), nil
	case errors.As(err, &leaving):
		return health.Finding{State: v1alpha1.StateStarting, Reason: v1alpha1.StartingReason, Message: leaving.Error()}, nil
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err):
		return stalled(v1alpha1.ApplyRefusedReason, err, 0), nil
	case apierrors.IsForbidden(err):
		return health.Finding{State: v1alpha1.StateFailing, Reason: v1alpha1.ApplyRefusedReason, Message: err.Error(), Recheck: recheck}, nil
	default:
		return health.Finding{}, err
	}
}

func stalled(reason string, why error, again time.Duration) health.Finding {
	return health.Finding{State: v1alpha1.StateFailing, Reason: reason, Message: why.Error(), Stalled: true, Recheck: again}
}
