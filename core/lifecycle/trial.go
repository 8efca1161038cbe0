package lifecycle

import (
	"errors"
	"fmt"
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
	// Failure describes why the API server did not answer; nil: it did.
	Failure  *health.Problem
	failures int
}

// NewTrial begins a trial of the Template as it stands.
func (w TemplateWorld) NewTrial() *Trial {
	return &Trial{Of: w.tried(), At: w.Now, Until: w.Now.Add(retryTrial), failures: w.Failures}
}

// tried identifies what a trial of the Template as it stands is of.
func (w TemplateWorld) tried() string {
	return fmt.Sprintf("%s/%d/%s/%s", w.Template.UID, w.Template.Generation, w.Wanted.Name, w.Template.Annotations[fluxmeta.ReconcileRequestAnnotation])
}

// Answer records the answer about one object of the carrel; nil means that the API
// server takes it. The function turns the name of a field of that object into the
// one of the Template. Answer reports whether the other objects are worth trying.
func (t *Trial) Answer(err error, templateField func(string) string) (goOn bool) {
	// What is forbidden, for instance by a quota, is no fault of the Template.
	if err == nil || apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) {
		return true
	}
	problem := health.Classify(fmt.Errorf("try the template on the API server: %w", err))
	if problem.Cause == health.Refused {
		t.Faults = append(t.Faults, faultsIn(err, templateField)...)
		return true
	}
	t.Failure, t.Until = &problem, t.At.Add(problem.Backoff(t.failures))
	return false
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
