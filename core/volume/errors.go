package volume

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// OtherUserError reports that a volume holds the work of another user.
type OtherUserError struct {
	// Claim is the name of the volume claim. Owner is the login that it records, and User
	// the login of the carrel.
	Claim, Owner, User string
}

// Error names the claim, both users and the cure.
func (e *OtherUserError) Error() string {
	return fmt.Sprintf("volume claim %q holds the work of user %q, not of %q: give this Userland another metadata.name, or, if that work may go, delete the claim",
		e.Claim, e.Owner, e.User)
}

// Problem describes the error for people and for the queue.
func (e *OtherUserError) Problem() health.Problem {
	return health.Problem{Cause: health.Foreign, Reason: v1alpha1.VolumeOfAnotherUserReason, Message: e.Error(), Stalled: true, Retry: health.RetrySlow}
}

// UndecidedError reports that a person must decide which claim belongs to a carrel.
type UndecidedError struct {
	// Namespace is the namespace of the claims.
	Namespace string
	// At is the place that is undecided.
	At Place
	// Places are all the volumes for which a claim could count.
	Places []Place
	// Claims are the claims that could count. There is only one if it could count for
	// several places.
	Claims []*corev1.PersistentVolumeClaim
	// Spelling is the login as the carrel spells it, if the claims record another spelling
	// that is in the course too. Otherwise it is empty.
	Spelling string
}

// Error names the claims, why it is not known which one counts, and the command that
// decides.
func (e *UndecidedError) Error() string {
	var claims []string
	for _, claim := range e.Claims {
		claims = append(claims, strconv.Quote(claim.Name))
	}
	// In an order that does not depend on when the claims were made.
	slices.Sort(claims)
	names, volume := strings.Join(claims, " and "), e.Places[0].Volume
	annotate := fmt.Sprintf("kubectl annotate pvc -n %s <claim> %s=$(date -u +%%Y%%m%%dT%%H%%M%%SZ) --overwrite", e.Namespace, v1alpha1.RestoredAnnotation)
	switch {
	case e.Spelling != "":
		return fmt.Sprintf("volume %q: claim %s may hold the work of user %q, whose login is recorded there as %q, and the course has both: take the wrong one out of the course, or, if they are two people, say so: %s",
			volume, names, e.Spelling, OwnerOf(e.Claims[0]), annotate)
	case len(e.Places) > 1:
		var userlands []string
		for _, at := range e.Places {
			userlands = append(userlands, strconv.Quote(at.Userland))
		}
		return fmt.Sprintf("volume %q: claim %s could be that of Userland %s: decide by its label: kubectl label pvc -n %s %s %s=<userland> --overwrite",
			volume, names, strings.Join(userlands, " or "), e.Namespace, e.Claims[0].Name, v1alpha1.UserlandLabel)
	default:
		return fmt.Sprintf("volume %q: claims %s may each hold the user's work: mark the right one: %s", volume, names, annotate)
	}
}

// Problem describes the error for people and for the queue.
func (e *UndecidedError) Problem() health.Problem {
	return health.Problem{Cause: health.Undecided, Reason: v1alpha1.VolumeUndecidedReason, Message: e.Error(), Stalled: true, Retry: health.RetrySlow}
}
