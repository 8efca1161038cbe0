// Package volume decides whose a volume is, which one of several counts, and until
// when a volume that nobody uses is kept. It is pure: the time is an argument.
package volume

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// IsFor reports whether a claim, labelled as one of the Userland, is for a volume
// of this name.
func IsFor(claim *corev1.PersistentVolumeClaim, u *v1alpha1.Userland, volume string) bool {
	return claim.Annotations[v1alpha1.VolumeAnnotation] == volume || claim.Name == workload.ClaimName(u, volume)
}

// Newer reports whether a claim counts before another one of the same volume:
// that of a later reset does, then the one that was there first.
func Newer(a, b *corev1.PersistentVolumeClaim) bool {
	return cmp.Or(
		cmp.Compare(a.Annotations[v1alpha1.ResetAnnotation], b.Annotations[v1alpha1.ResetAnnotation]),
		b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
		cmp.Compare(b.Name, a.Name),
	) > 0
}

// MayAttach is nil when the claim is recorded as the user's.
func MayAttach(u *v1alpha1.Userland, claim *corev1.PersistentVolumeClaim) error {
	owner, recorded := claim.Annotations[v1alpha1.UserAnnotation]
	switch {
	case !recorded:
		return &workload.ForeignError{Kind: "PersistentVolumeClaim", Name: claim.Name, Owner: fmt.Sprintf("nobody that Carrel knows of (it has no annotation %s)", v1alpha1.UserAnnotation)}
	case owner != u.User():
		return &OtherUserError{Claim: claim.Name, Owner: owner, User: u.User()}
	default:
		return nil
	}
}

// FreshName returns the name of the claim to make for a volume; resetAt is the
// moment of the request for fresh volumes, nil if there is none.
func FreshName(u *v1alpha1.Userland, volume string, resetAt *metav1.Time) string {
	name := workload.ClaimName(u, volume)
	if resetAt == nil {
		return name
	}
	return name + "--" + strings.ToLower(Stamp(resetAt.Time))
}
