package volume

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/core/health"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// grow gives a claim the size decided, and returns what to tell people if it keeps
// the one it has.
func (k *Keeper) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim, a corevolume.Attachment) (notice string, err error) {
	if a.Grow == nil {
		return a.Notice, nil
	}
	before := claim.DeepCopy()
	have := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = *a.Grow
	if err := k.patch(ctx, claim, before); err != nil {
		*claim = *before
		if cause := health.Classify(err).Cause; cause != health.Refused && cause != health.Quota {
			return "", err
		}
		return fmt.Sprintf("; its volume %q stays at %s, since the API server refuses %s: %v", a.Volume.Name, &have, a.Grow, err), nil
	}
	return "", nil
}
