package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/carrel-dev/carrel/core/health"
)

// retryTrial is for how long the answer of the API server to a trial is taken to
// hold. A policy or a webhook that refused a Template may have changed by then.
const retryTrial = 5 * time.Minute

// Trial records what the API server answered when it was asked to make a carrel
// of a Template without keeping it.
type Trial struct {
	// Of identifies what was tried.
	Of string
	// At is when, Until when the same is worth trying again.
	At, Until time.Time
	// Faults names what the API server finds invalid, by fields of the Template;
	// empty: it takes the carrel.
	Faults []string
	// FirstStarts is how many carrels had not been started yet.
	FirstStarts int
	// Refusals describe what forbids a carrel of the Template to start at present,
	// though nothing is wrong with the Template itself; empty: nothing does.
	Refusals []string
	// Failure describes why the API server did not answer; nil: it did.
	Failure  *health.Problem
	failures int
}

// NewTrial begins a trial of the Template as it stands.
func (w TemplateWorld) NewTrial() *Trial {
	return &Trial{Of: w.tried(), At: w.Now, Until: w.Now.Add(retryTrial), FirstStarts: w.firstStarts(), failures: w.Failures}
}

// Assume returns a trial in place of the one of an accepted Template that a restart
// has forgotten.
func (w TemplateWorld) Assume() *Trial { return &Trial{Of: w.tried(), FirstStarts: w.firstStarts()} }

// tried identifies what a trial of the Template as it stands is of.
func (w TemplateWorld) tried() string {
	return fmt.Sprintf("%s/%d/%s/%s", w.Template.UID, w.Template.Generation, w.Wanted.Name, w.Template.Annotations[fluxmeta.ReconcileRequestAnnotation])
}

// Answer records the answer about one object of the carrel; nil means that the API
// server takes it. The function turns the name of a field of that object into the
// one of the Template. Answer reports whether the other objects are worth trying.
func (t *Trial) Answer(err error, templateField func(string) string) (goOn bool) {
	if err == nil || apierrors.IsAlreadyExists(err) || strings.Contains(err.Error(), quotaUncounted) {
		return true
	}
	problem := health.Classify(fmt.Errorf("try the template on the API server: %w", err))
	switch {
	case apierrors.IsForbidden(err):
		// A policy, a quota or a right is no fault of the Template.
		if problem.Cause != health.Gone {
			t.Refusals = append(t.Refusals, problem.Message)
		}
	case problem.Cause == health.Refused:
		t.Faults = append(t.Faults, faultsIn(err, templateField)...)
	default:
		t.Failure, t.Until = &problem, t.At.Add(problem.Backoff(t.failures))
		return false
	}
	return true
}

// AnswerPod records the answer about the pod of a carrel whose Deployment the API
// server takes: what it says then are rules for pods, such as Pod Security or a limit
// range. A quota that has no room at the moment may have some when the carrel starts.
func (t *Trial) AnswerPod(err error) (goOn bool) {
	if err == nil || strings.Contains(err.Error(), dryRunUnsupported) || strings.Contains(err.Error(), quotaUncounted) {
		return true
	}
	problem := health.Classify(fmt.Errorf("try a pod of the template on the API server: %w", err))
	switch problem.Cause {
	case health.Refused:
		t.Refusals = append(t.Refusals, problem.Message)
	case health.Unavailable:
		t.Failure, t.Until = &problem, t.At.Add(problem.Backoff(t.failures))
		return false
	}
	return true
}

const (
	// dryRunUnsupported is what the API server says of a webhook that can't be asked
	// without effect.
	dryRunUnsupported = "does not support dry run"
	// quotaUncounted is what it says of a quota that was just made.
	quotaUncounted = "status unknown for quota"
)

// AnswerClass records that there is no storage class of the name that a volume of
// the Template has.
func (t *Trial) AnswerClass(volume int, class string) {
	t.Refusals = append(t.Refusals, fmt.Sprintf(
		"there is no storage class %q: create it, or correct spec.volumes[%d].pvcSpec.storageClassName", class, volume))
}

// faultsIn returns the causes that the API server gives for finding an object
// invalid.
func faultsIn(err error, templateField func(string) string) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return []string{err.Error()}
	}
	var faults []string
	for _, cause := range status.Status().Details.Causes {
		faults = append(faults, templateField(cause.Field)+": "+cause.Message)
	}
	return faults
}
