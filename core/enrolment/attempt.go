package enrolment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/roster"
)

const (
	// retryRefused is for how long the API server is taken at its word. People mend
	// the policy or the quota that refused a row, and they need not wait: changed
	// rows and a request to reconcile are tried at once.
	retryRefused = 5 * time.Minute
	// settling is how long the cache takes at most to show what was written, as a
	// rule. Until then the counts are those of before.
	settling = time.Second
)

// Attempt records what came of writing the changes of a Plan.
type Attempt struct {
	// Changes identifies what was written.
	Changes string
	// At is when the attempt was made, Until when the next one is due.
	At, Until time.Time
	// Refused lists the rows that the API server refused.
	Refused []roster.Problem
	// Begun is set if other changes were written.
	Begun bool
	// Interrupted describes what kept the rest from being tried; nil if all was.
	Interrupted *health.Problem
	// failures counts the attempts at the same changes that were interrupted.
	failures int
}

// NewAttempt begins an attempt to write the Plan. It lets the cache settle before
// the Course is reconciled again, unless a change fails.
func (d CourseDecision) NewAttempt() *Attempt {
	a := &Attempt{Changes: changesOf(d.world.Course, d.Plan), At: d.world.Now, Until: d.world.Now.Add(settling)}
	if last := d.world.Tried; last != nil && last.Changes == a.Changes {
		a.failures = last.failures
	}
	return a
}

// Failed reports whether a change was not written.
func (a *Attempt) Failed() bool { return len(a.Refused) > 0 || a.Interrupted != nil }

// Interrupts reports whether an error keeps the other changes from being tried: they
// would fail alike, or the cache has to catch up first.
func Interrupts(err error) bool {
	switch health.Classify(err).Cause {
	case health.Refused, health.Quota, health.Foreign:
		return false
	default:
		return true
	}
}

// FailWant records that a Userland could not be written. Failures have to be recorded
// in the order of the Plan.
func (a *Attempt) FailWant(want Want, err error) {
	redact := strings.NewReplacer(want.Name, "…", want.Row.User, "…")
	a.fail(want.Row.Place, "the API server refuses the Userland: ", err, redact)
}

// FailRemoval records that a Userland could not be removed.
func (a *Attempt) FailRemoval(u *v1alpha1.Userland, err error) {
	redact := strings.NewReplacer(u.Name, "…", u.User(), "…")
	a.fail(roster.Place{File: "the rosters"}, "the API server refuses to remove a Userland that is in no row: ", err, redact)
}

// FailRecord records that the status could not be written, without which nothing is
// removed.
func (a *Attempt) FailRecord(err error) {
	a.fail(roster.Place{File: "the rosters"}, "the API server refuses the status that has to record a removal: ", err, strings.NewReplacer())
}

// FailQuota records that quotas have no room for what the Plan creates.
func (a *Attempt) FailQuota(problems []roster.Problem) {
	if len(problems) > 0 {
		a.Until, a.Refused = a.At.Add(retryRefused), append(a.Refused, problems...)
	}
}

// FailQuotas records that the quotas could not be read.
func (a *Attempt) FailQuotas(err error) {
	a.fail(roster.Place{File: "the rosters"}, "the API server does not show the quotas: ", err, strings.NewReplacer())
}

// fail keeps to itself whose Userland it was: problems are shown on commits. Of the
// errors that interrupt, the first counts.
func (a *Attempt) fail(place roster.Place, refusal string, err error, redact *strings.Replacer) {
	switch problem := health.Classify(err); {
	case !Interrupts(err):
		if a.Interrupted == nil {
			a.Until = a.At.Add(retryRefused)
		}
		a.Refused = append(a.Refused, roster.Problem{Place: place, Cause: refusal + redact.Replace(err.Error())})
	case a.Interrupted == nil:
		a.Until = a.At.Add(problem.Backoff(a.failures))
		a.failures++
		problem.Message = fmt.Sprintf("%s: %s", place, redact.Replace(problem.Message))
		a.Interrupted = &problem
	}
}

// holds reports whether the outcome of the attempt is that of trying the Plan now.
func (a *Attempt) holds(c *v1alpha1.Course, p Plan, now time.Time) bool {
	return a != nil && now.Before(a.Until) && a.Changes == changesOf(c, p)
}

// changesOf returns a digest of what the API server is asked to write. A request
// of a person to reconcile is part of it, so that it is honoured at once.
func changesOf(c *v1alpha1.Course, p Plan) string {
	type change struct {
		Name string
		Row  roster.Row
		UID  types.UID
	}
	changes := make([]change, 0, p.changes())
	for _, want := range p.Wants {
		one := change{Name: want.Name, Row: want.Row}
		if want.Found != nil {
			one.UID = want.Found.UID
		}
		changes = append(changes, one)
	}
	for _, u := range p.Removals {
		changes = append(changes, change{Name: u.Name, UID: u.UID})
	}
	// Strings, numbers and maps of strings can always be encoded.
	text, _ := json.Marshal([]any{c.UID, c.Generation, c.Annotations[fluxmeta.ReconcileRequestAnnotation], ShardLabels(c), changes})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
