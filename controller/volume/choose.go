package volume

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/workload"
)

// isOf reports whether a claim, labelled as one of the Userland, is for a volume
// of this name.
func isOf(claim *corev1.PersistentVolumeClaim, u *v1alpha1.Userland, volume string) bool {
	return claim.Annotations[v1alpha1.VolumeAnnotation] == volume || claim.Name == workload.ClaimName(u, volume)
}

// newer reports whether a claim counts before another one of the same volume:
// that of a later reset does, then the one that was there first.
func newer(a, b *corev1.PersistentVolumeClaim) bool {
	return cmp.Or(
		cmp.Compare(a.Annotations[v1alpha1.ResetAnnotation], b.Annotations[v1alpha1.ResetAnnotation]),
		b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
		cmp.Compare(b.Name, a.Name),
	) > 0
}

// mayAttach is nil when the claim is recorded as the user's.
func mayAttach(u *v1alpha1.Userland, claim *corev1.PersistentVolumeClaim) error {
	owner, recorded := claim.Annotations[v1alpha1.UserAnnotation]
	switch {
	case !recorded:
		return &apply.ForeignError{Kind: claimKind.Kind, Name: claim.Name, Owner: fmt.Sprintf("nobody that Carrel knows of (it has no annotation %s)", v1alpha1.UserAnnotation)}
	case owner != u.User():
		return &OtherUserError{Claim: claim.Name, Owner: owner, User: u.User()}
	default:
		return nil
	}
}
