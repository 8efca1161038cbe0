package volume

import (
	"fmt"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// OtherUserError tells that a volume holds the work of somebody else.
type OtherUserError struct {
	// Claim is the name of the volume claim, Owner and User are the identities
	// of whose it is and of who would get it.
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
