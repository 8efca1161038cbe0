package volume

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/core/health"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// grow gives a claim the size of the attachment. If the claim keeps its size, grow returns a
// notice for people and the time of the next attempt. Zero means never.
func (k *Keeper) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim, a corevolume.Attachment) (notice string, next time.Time, err error) {
	if a.Grow == nil {
		return a.Notice, next, nil
	}
	before := claim.DeepCopy()
	have := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = *a.Grow
	if err := k.patch(ctx, claim, before); err != nil {
		*claim = *before
		problem := health.Classify(err)
		if problem.Cause != health.Refused && problem.Cause != health.Quota {
			return "", next, err
		}
		notice = fmt.Sprintf("; its volume %q stays at %s, since the API server refuses %s: %v", a.Volume.Name, &have, a.Grow, err)
		return notice, k.Clock.Now().Add(problem.Retry), nil
	}
	return "", next, nil
}
