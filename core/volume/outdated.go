package volume

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// SpecDigest returns the value of ClaimSpecAnnotation for a claim of a volume.
func SpecDigest(volume v1alpha1.Volume) (string, error) {
	data, err := json.Marshal(volume.PVCSpec)
	if err != nil {
		return "", fmt.Errorf("encode the pvcSpec of volume %q: %w", volume.Name, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:digestBytes]), nil
}

// digestBytes are enough to tell one pvcSpec from the one before.
const digestBytes = 8

// outdated reports whether a claim that holds no work can't become what the Template
// asks for: it never had a volume, and was made of another pvcSpec. What the claim
// itself says proves nothing, since a default or a webhook may have chosen it.
func outdated(volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim) bool {
	if claim.Status.Phase != corev1.ClaimPending || claim.Spec.VolumeName != "" || len(volume.PVCSpec.Resources.Requests) == 0 {
		// It has, or may have, a volume, or the Template no longer describes it.
		return false
	}
	digest, recorded := claim.Annotations[v1alpha1.ClaimSpecAnnotation]
	if !recorded {
		// It was made before digests were recorded.
		return volume.PVCSpec.StorageClassName != nil && *volume.PVCSpec.StorageClassName != ptr.Deref(claim.Spec.StorageClassName, "")
	}
	wanted, err := SpecDigest(volume)
	return err == nil && digest != wanted
}
