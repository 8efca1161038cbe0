package reporter

import (
	"context"
	"time"

	"github.com/fluxcd/pkg/runtime/events"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// Who receives events may be down, and a report must not wait for it for long: so
// often, and no longer between two tries, is it tried.
const (
	webhookRetries = 2
	webhookPause   = 2 * time.Second
)

// newRecorder makes Flux's recorder: each event goes to the API server and, if there
// is an address, to that as well, in the form that Flux's notification-controller
// takes.
func newRecorder(mgr ctrl.Manager, webhook string) (record.EventRecorder, error) {
	recorder, err := events.NewRecorder(mgr, mgr.GetLogger().WithName("events"), webhook, FieldOwner)
	if err != nil {
		return nil, err
	}
	recorder.Client.RetryMax, recorder.Client.RetryWaitMax = webhookRetries, webhookPause
	return recorder, nil
}

// announce tells of a post that reached the forge.
func (r *Reconciler) announce(ctx context.Context, course *v1alpha1.Course, d *destination, report *v1alpha1.ReportStatus) {
	log.FromContext(ctx).Info("reported", "commit", report.Revision, "state", report.State, "description", report.Description)
	kind := corev1.EventTypeNormal
	if report.State == string(forge.Failure) {
		kind = corev1.EventTypeWarning
	}
	r.Recorder.AnnotatedEventf(course, ofRevision(d.branch, report.Revision), kind, v1alpha1.PostedReason,
		"%s on commit %s: %s", report.State, abbreviate(report.Revision), report.Description)
}

// complain tells of a post that did not, once for each problem.
func (r *Reconciler) complain(course *v1alpha1.Course, p *problem) {
	if p.reason == v1alpha1.NotConfiguredReason {
		return // nothing was to be posted
	}
	r.Recorder.AnnotatedEventf(course, ofRevision(p.branch, p.commit), corev1.EventTypeWarning, p.reason, "%s", p.message)
}

// ofRevision is how an event tells the commit it is about, as Flux's events do: under
// the group of the kind, in the form of a Flux revision.
func ofRevision(branch, commit string) map[string]string {
	if commit == "" {
		return nil
	}
	revision := "sha1:" + commit
	if len(commit) > 40 {
		revision = "sha256:" + commit
	}
	if branch != "" {
		revision = branch + "@" + revision
	}
	return map[string]string{v1alpha1.RevisionAnnotation: revision}
}
