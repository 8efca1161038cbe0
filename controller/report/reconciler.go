package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// Reconciler reports on one Course at a time. It writes nothing but that Course's
// status.report and Reported condition.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// APIReader reads what is true now, and Secrets.
	APIReader client.Reader
	Recorder  events.EventRecorder
	// ClusterName is the middle of a status's context, carrel/<cluster>/<course>.
	ClusterName string
	// Forges opens a client by the type of a Flux Provider.
	Forges map[string]forge.Open
	// Now is the clock.
	Now func() time.Time

	holds     holds
	certainty certainty
	// backoff spaces the tries while a forge does not answer.
	backoff workqueue.TypedRateLimiter[types.NamespacedName]
}

// Reconcile tells the forge what it does not know yet about one course.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var course v1alpha1.Course
	if err := r.Client.Get(ctx, request.NamespacedName, &course); err != nil {
		r.forget(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	result, err := r.report(ctx, &course)
	var waiting settling
	if errors.As(err, &waiting) {
		return ctrl.Result{}, nil // a watch tells when Flux is done
	}
	var problem *problem
	if errors.As(err, &problem) {
		return ctrl.Result{RequeueAfter: problem.after}, r.writeProblem(ctx, &course, problem)
	}
	return result, err
}

// report decides by the caches, which costs nothing, and when there is something
// to do decides again by the API server itself: the caches may be behind what was
// last reported, or behind what Flux applied.
func (r *Reconciler) report(ctx context.Context, cached *v1alpha1.Course) (ctrl.Result, error) {
	templates, err := templatesOf(ctx, r.Client, cached.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	flux, err := r.inFluxOf(ctx, cached, templates)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision, err := r.decide(ctx, r.Client, cached, flux)
	if err != nil || decision.Report == nil {
		return ctrl.Result{RequeueAfter: decision.After}, err
	}
	destination, err := r.destinationOf(ctx, flux.repository)
	if err != nil {
		return ctrl.Result{}, err
	}
	key := client.ObjectKeyFromObject(cached)
	attempt := decision.Report.Revision + "/" + destination.version
	if wait := r.holds.remaining(key, attempt, r.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	var course v1alpha1.Course
	if err := r.APIReader.Get(ctx, key, &course); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	decision, err = r.decide(ctx, r.APIReader, &course, flux)
	if err != nil || decision.Report == nil {
		return ctrl.Result{RequeueAfter: decision.After}, err
	}
	return r.carryOut(ctx, &course, destination, decision)
}

// decide looks at the carrels only when Flux and the last report leave anything open.
func (r *Reconciler) decide(ctx context.Context, from client.Reader, course *v1alpha1.Course, flux *inFlux) (Decision, error) {
	syncs, last := flux.syncs(), course.Status.Report
	aim := AimAt(syncs, last, flux.head())
	if aim.Revision == "" {
		return Decision{}, nil
	}
	class, err := classOf(ctx, from, course, flux.expected(course.Namespace))
	if err != nil {
		return Decision{}, err
	}
	for i := range syncs {
		syncs[i].Failure = Conceal(syncs[i].Failure, class.names())
	}
	return Decide(aim, syncs, class.Take(), last, r.Now()), nil
}

// carryOut posts, and then remembers. Whoever dies in between finds, on reading
// the commit's statuses first, that the post was made.
func (r *Reconciler) carryOut(ctx context.Context, course *v1alpha1.Course, d *destination, decision Decision) (ctrl.Result, error) {
	key := client.ObjectKeyFromObject(course)
	opened, err := r.open(ctx, d)
	if err != nil {
		return ctrl.Result{}, err
	}
	sure := r.certainty.of(key) && course.Status.Report != nil && course.Status.Report.Revision == decision.Report.Revision
	r.certainty.set(key, false)
	if err := r.tell(ctx, opened, course, decision, !sure); err != nil {
		return r.refused(ctx, course, d, decision.Report.Revision, err)
	}
	r.holds.release(key)
	r.backoff.Forget(key)
	if err := r.writeReport(ctx, course, decision.Report); err != nil {
		return ctrl.Result{}, err
	}
	r.certainty.set(key, true)
	if decision.Post {
		r.announce(ctx, course, decision.Report)
	}
	return ctrl.Result{}, nil
}

// tell brings the forge to what was decided.
func (r *Reconciler) tell(ctx context.Context, to forge.Client, course *v1alpha1.Course, decision Decision, look bool) error {
	status := forge.Status{Context: r.contextOf(course)}
	if decision.Supersedes != "" {
		status.State, status.Description = forge.Pending, describeSuperseded(decision.Report.Revision)
		// A commit that was forced away needs no last word.
		if err := post(ctx, to, decision.Supersedes, status, look); err != nil && !errors.Is(err, forge.ErrNotFound) {
			return err
		}
	}
	if !decision.Post {
		return nil
	}
	status.State, status.Description = forge.State(decision.Report.State), decision.Report.Description
	return post(ctx, to, decision.Report.Revision, status, look)
}

// post adds a status unless, on looking, the commit shows it already.
func post(ctx context.Context, to forge.Client, commit string, status forge.Status, look bool) error {
	if look {
		latest, err := to.Latest(ctx, commit, status.Context)
		if err != nil {
			return err
		}
		if latest != nil && *latest == status {
			return nil
		}
	}
	return to.Post(ctx, commit, status)
}

func (r *Reconciler) contextOf(course *v1alpha1.Course) string {
	return fmt.Sprintf("carrel/%s/%s", r.ClusterName, course.Name)
}

// refused sets when to try again, and says on the Course what is wrong.
func (r *Reconciler) refused(ctx context.Context, course *v1alpha1.Course, d *destination, commit string, err error) (ctrl.Result, error) {
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err()
	}
	key := client.ObjectKeyFromObject(course)
	problem := d.problemOf(err, commit)
	held := hold{attempt: commit + "/" + d.version}
	if problem.reason == v1alpha1.ForgeUnavailableReason {
		problem.after = max(problem.after, r.backoff.When(key))
		held.attempt = ""
	}
	held.until = r.Now().Add(problem.after)
	r.holds.set(key, held)
	log.FromContext(ctx).Error(err, "could not report", "reason", problem.reason, "commit", commit, "retryAfter", problem.after)
	return ctrl.Result{}, problem
}

func (r *Reconciler) announce(ctx context.Context, course *v1alpha1.Course, report *v1alpha1.ReportStatus) {
	log.FromContext(ctx).Info("reported", "commit", report.Revision, "state", report.State, "description", report.Description)
	r.Recorder.Eventf(course, nil, corev1.EventTypeNormal, v1alpha1.PostedReason, "Report",
		"%s on commit %s: %s", report.State, abbreviate(report.Revision), report.Description)
}

func (r *Reconciler) forget(course types.NamespacedName) {
	r.holds.release(course)
	r.certainty.set(course, false)
	r.backoff.Forget(course)
}

func isProblem(err error) bool {
	var waiting settling
	var problem *problem
	return errors.As(err, &problem) || errors.As(err, &waiting)
}
