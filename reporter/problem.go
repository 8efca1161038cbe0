package reporter

import (
	"errors"
	"fmt"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// personEvery is how often something is tried that a person has to put right and
// that no watch tells of, such as a token.
const personEvery = 10 * time.Minute

// problem is why a course can't be reported on, for the Reported condition. The
// message must be the same for each try, else each try would write it.
type problem struct {
	reason, message string
	// after is when to try again though nothing has changed; 0: not at all,
	// because a watch tells.
	after time.Duration
	cause error
	// gone is set if Flux applied the Course and does so no longer.
	gone bool
	// branch and commit are those of a post that failed.
	branch, commit string
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.message
	}
	return fmt.Sprintf("%s: %v", p.message, p.cause)
}

// Unwrap gives the cause.
func (p *problem) Unwrap() error { return p.cause }

func notConfigured(format string, args ...any) *problem {
	return &problem{reason: v1alpha1.NotConfiguredReason, message: fmt.Sprintf(format, args...)}
}

// goneSync is a notConfigured of an object that Flux applied once.
func goneSync(format string, args ...any) *problem {
	p := notConfigured(format, args...)
	p.gone = true
	return p
}

func noCredentials(cause error, format string, args ...any) *problem {
	return &problem{reason: v1alpha1.UnauthorizedReason, message: fmt.Sprintf(format, args...), after: personEvery, cause: cause}
}

// problemOf words what a forge said. Its own words are for the log: they differ
// from one time to the next, and may hold more than a status should.
func (d *destination) problemOf(err error, commit string) *problem {
	p := &problem{after: personEvery, cause: err}
	switch unavailable := (*forge.UnavailableError)(nil); {
	case errors.Is(err, forge.ErrUnauthorized):
		p.reason = v1alpha1.UnauthorizedReason
		p.message = fmt.Sprintf("the forge refuses the token: put one that may write commit statuses of %s into key %s of Secret %s",
			d.address, tokenKey, d.secret)
		if d.app {
			p.message = fmt.Sprintf("GitHub refuses the App of Secret %s: see that it is installed for %s with the permission "+
				"Commit statuses, read and write, and Contents, read-only, and that %s is one of its keys", d.secret, d.address, appPrivateKeyKey)
		}
	case errors.Is(err, forge.ErrNotFound):
		p.reason = v1alpha1.CommitNotFoundReason
		p.message = fmt.Sprintf("the forge has no commit %s in %s, or the token in Secret %s may not see it: "+
			"after a force-push the next commit is reported again; else give the token's owner access",
			abbreviate(commit), d.address, d.secret)
	case errors.As(err, &unavailable):
		p.reason = v1alpha1.ForgeUnavailableReason
		p.message = fmt.Sprintf("the forge at %s does not answer; it is tried again until it does", d.address)
		p.after = unavailable.RetryAfter
	default:
		p.reason = v1alpha1.PostRefusedReason
		p.message = fmt.Sprintf("the forge at %s refuses the status of commit %s: the reporter's log has its answer",
			d.address, abbreviate(commit))
	}
	return p
}
