package volume

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/workload"
)

// OwnerOf returns the login that a claim records; empty if it records none.
func OwnerOf(claim *corev1.PersistentVolumeClaim) string {
	return claim.Annotations[v1alpha1.UserAnnotation]
}

// MayAttach returns nil if a claim is recorded as that of the person whose carrel it
// is, else an *OtherUserError or a *workload.ForeignError.
func MayAttach(u *v1alpha1.Userland, claim *corev1.PersistentVolumeClaim) error {
	switch owner := OwnerOf(claim); {
	case owner == "":
		return &workload.ForeignError{Kind: "PersistentVolumeClaim", Name: claim.Name, Owner: fmt.Sprintf("nobody that Carrel knows of (it has no annotation %s)", v1alpha1.UserAnnotation)}
	case roster.Person(owner) != roster.Person(u.User()):
		return &OtherUserError{Claim: claim.Name, Owner: owner, User: u.User()}
	default:
		return nil
	}
}
