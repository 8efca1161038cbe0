package volume

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// grow makes a claim as large as its Template says, or returns what to tell
// people if that can't be.
func (k *Keeper) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim, volume v1alpha1.Volume) (notice string, err error) {
	want, wanted := volume.PVCSpec.Resources.Requests[corev1.ResourceStorage]
	have := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	switch order := want.Cmp(have); {
	case !wanted || order == 0 || claim.DeletionTimestamp != nil:
		return "", nil
	case order < 0:
		return fmt.Sprintf("; its volume %q stays at %s, since volumes can't shrink to %s: set that or more in the Template", volume.Name, &have, &want), nil
	case claim.Status.Phase != corev1.ClaimBound:
		// It can't grow before it is bound, which is heard of.
		return "", nil
	}
	class := ptr.Deref(claim.Spec.StorageClassName, "")
	grows, err := k.grows(ctx, class)
	if err != nil {
		return "", err
	}
	if !grows {
		return fmt.Sprintf("; its volume %q stays at %s, since storage class %q can't grow volumes to %s: set allowVolumeExpansion in the class if its provisioner can",
			volume.Name, &have, class, &want), nil
	}
	before := claim.DeepCopy()
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = want
	err = k.patch(ctx, claim, before)
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		*claim = *before
		return fmt.Sprintf("; its volume %q stays at %s, since the API server refuses %s: %v", volume.Name, &have, &want, err), nil
	}
	return "", err
}

// grows reports whether volumes of a class can.
func (k *Keeper) grows(ctx context.Context, class string) (bool, error) {
	found := &storagev1.StorageClass{}
	err := k.Get(ctx, client.ObjectKey{Name: class}, found)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read storage class %q: %w", class, err)
	}
	return ptr.Deref(found.AllowVolumeExpansion, false), nil
}
