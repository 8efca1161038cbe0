package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Stop is the reason why a carrel does not run.
type Stop struct {
	// Cause says it in words. It is empty if the carrel runs, starts or fails.
	Cause string
	// Since is the time of the last use, or of the request. It is zero if there is none.
	Since time.Time
	// Asked is true if a person asked for the stop.
	Asked bool
}

// StopOf returns why a carrel does not run, by what its spec and its status record.
func StopOf(u *v1alpha1.Userland, now time.Time) Stop {
	ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
	switch {
	case !u.Enabled():
		return Stop{Cause: "enabled: false in git"}
	case ready != nil && ready.Reason == v1alpha1.TermOverReason:
		return Stop{Cause: "the term is over"}
	case u.Status.State != v1alpha1.StateAsleep:
		return Stop{}
	}
	used := PresenceFacts{Status: u.Status, Now: now}.seenSince(&v1alpha1.HandledRequests{})
	if handled := u.Status.Handled; handled != nil && handled.StopAt != nil && !handled.StopAt.Time.Before(PresenceFacts{Status: u.Status, Now: now}.seenSince(handled)) {
		return Stop{Cause: "stopped on request", Since: handled.StopAt.Time, Asked: true}
	}
	if used.IsZero() {
		return Stop{Cause: "never used"}
	}
	return Stop{Cause: "nobody has used it", Since: used}
}
