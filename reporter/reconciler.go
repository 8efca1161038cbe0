package reporter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
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
	Recorder  record.EventRecorder
	// ClusterName is the middle of a status's context, carrel/<cluster>/<course>.
	ClusterName string
	// Gateway is the address of the gateway, to whose board of the class each
	// status leads; without one they lead nowhere.
	Gateway string
	// Forges lists the kinds of forges that can be reported to.
	Forges forge.Kinds
	// ForgeNamespace holds the Secrets that namespaces of courses name.
	ForgeNamespace string
	// Fluxless: the cluster has not the kinds of Flux.
	Fluxless bool
	// Now is the clock.
	Now func() time.Time

	holds        holds
	history      historyMemory
	attributions attributions
	missing      missing
	errands      struct {
		sync.Mutex
		read time.Time
		runs bool
	}
	// courseless are the reports of namespaces that have no Course yet.
	courseless memory
	// backoff spaces the tries while a forge does not answer.
	backoff workqueue.TypedRateLimiter[types.NamespacedName]
}

// Reconcile tells the forge what it does not know yet about one course.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var course v1alpha1.Course
	err := r.Client.Get(ctx, request.NamespacedName, &course)
	if apierrors.IsNotFound(err) {
		r.missing.release(request.NamespacedName)
		return r.reportWithoutCourse(ctx, request.NamespacedName)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	r.courseless.see(&course)
	result, err := r.report(ctx, &course)
	if errors.As(err, &settling{}) {
		return ctrl.Result{}, nil // a watch tells when Flux is done
	}
	var problem *problem
	if errors.As(err, &problem) {
		return ctrl.Result{RequeueAfter: problem.after}, r.writeProblem(ctx, &course, problem)
	}
	return result, err
}

// report records what Flux lost of a course, and reports on the course.
func (r *Reconciler) report(ctx context.Context, cached *v1alpha1.Course) (ctrl.Result, error) {
	templates, err := templatesOf(ctx, r.Client, cached.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	origin, err := r.originOf(ctx, cached, templates)
	if problem := (*problem)(nil); errors.As(err, &problem) && problem.gone {
		return ctrl.Result{}, errors.Join(r.reportSyncGone(ctx, cached, problem), err)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	lost, err := r.lostOf(ctx, cached, origin)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.writeOutOfSync(ctx, cached, lost); err != nil {
		return ctrl.Result{}, err
	}
	return r.settle(ctx, cached, origin, lost)
}

// settle posts what the last report lacks. It decides by the caches, which costs nothing,
// and when there is something to do decides again by the API server itself: the caches may
// be behind what was last reported, or behind what Flux applied.
func (r *Reconciler) settle(ctx context.Context, cached *v1alpha1.Course, origin origin, lost lost) (ctrl.Result, error) {
	if wait, err := r.ask(ctx, cached, origin); err != nil || wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, err
	}
	decision, err := r.decide(ctx, r.Client, cached, origin, lost)
	if err != nil {
		return ctrl.Result{}, err
	}
	if decision.Report == nil {
		if !unconfirmed(cached) {
			return ctrl.Result{RequeueAfter: soonest(decision.After, lost.Recheck)}, nil
		}
		decision.Report = cached.Status.Report
	}
	destination, err := origin.destination(ctx, r)
	if err != nil {
		return ctrl.Result{}, err
	}
	if wait := r.held(cached, destination, decision); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	var course v1alpha1.Course
	if err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(cached), &course); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if wait, err := r.ask(ctx, &course, origin); err != nil || wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, err
	}
	if err := r.confirm(ctx, &course, destination, decision); err != nil {
		return ctrl.Result{}, err
	}
	decision, err = r.decide(ctx, r.APIReader, &course, origin, lost)
	if err != nil || decision.Report == nil {
		return ctrl.Result{RequeueAfter: soonest(decision.After, lost.Recheck)}, err
	}
	return ctrl.Result{RequeueAfter: soonest(decision.After, lost.Recheck)}, r.carryOut(ctx, &course, destination, decision)
}

// ask has the forge answer which commits changed the course, if its content changed since
// the last report. It returns how long the question has to wait, if a post would have to.
func (r *Reconciler) ask(ctx context.Context, course *v1alpha1.Course, by origin) (time.Duration, error) {
	q := QuestionOf(by.syncs(), course.Status.Report, by.head())
	key := client.ObjectKeyFromObject(course)
	if _, known := r.attributions.of(key, q); known || !q.Asked() || by.source() == "" {
		return 0, nil
	}
	d, err := by.destination(ctx, r)
	if err != nil {
		return 0, err
	}
	attempt := Decision{Report: &v1alpha1.ReportStatus{Revision: q.Head}}
	if wait := r.held(course, d, attempt); wait > 0 {
		return wait, nil
	}
	opened, err := r.open(ctx, d)
	if err != nil {
		return 0, r.hold(course, d, attempt, err)
	}
	found, err := attribute(ctx, remembering{opened, d.address, &r.history}, q, by.paths())
	if err != nil {
		return 0, r.hold(course, d, attempt, d.problemOf(err, q.Head))
	}
	r.attributions.found.Store(key, attributed{q.Key(), found})
	return 0, nil
}

// decide looks at the carrels only when Flux and the last report leave anything open.
func (r *Reconciler) decide(ctx context.Context, from client.Reader, course *v1alpha1.Course, by origin, lost lost) (Decision, error) {
	syncs, last := by.syncs(), course.Status.Report
	found, _ := r.attributions.of(client.ObjectKeyFromObject(course), QuestionOf(syncs, last, by.head()))
	aim := AimAt(syncs, last, by.head(), found)
	if aim.Revision == "" {
		return Decision{}, nil
	}
	class, err := classOf(ctx, from, course, by.expected(course.Namespace))
	if err != nil {
		return Decision{}, err
	}
	for i := range syncs {
		syncs[i].Failure = Conceal(syncs[i].Failure, class.names())
	}
	class.Forgotten = lost.Forgotten
	if class.Errands, err = r.errandRuns(ctx); err != nil {
		return Decision{}, err
	}
	aim.Files = filesOf(aim, last, class.Expected, class.Userlands)
	decision := Decide(aim, syncs, class.Take(aim.Since, r.Now()), last, r.Now())
	if decision.Report != nil && by.source() != "" {
		decision.Report.Source = by.source()
	}
	return decision, nil
}

// carryOut records what it posts, posts it, and records that the post was made. Whoever
// dies in between leaves a record from which confirm finds out what the forge has.
func (r *Reconciler) carryOut(ctx context.Context, course *v1alpha1.Course, d *destination, decision Decision) error {
	intend := func() error {
		intent := decision.Report.DeepCopy()
		intent.Unconfirmed = true
		return r.write(ctx, course, intent, metav1.Condition{})
	}
	if err := r.deliver(ctx, course, d, decision, intend); err != nil {
		return err
	}
	if err := r.writeReport(ctx, course, decision.Report); err != nil {
		return err
	}
	if decision.Post {
		r.announce(ctx, course, d, decision.Report)
		r.bidFarewell(course, d, decision)
	}
	return nil
}

// deliver makes the forge show what was decided. It calls intend before it posts.
func (r *Reconciler) deliver(ctx context.Context, course *v1alpha1.Course, d *destination, decision Decision, intend func() error) error {
	opened, err := r.open(ctx, d)
	if err != nil {
		return r.hold(course, d, decision, err)
	}
	key := client.ObjectKeyFromObject(course)
	err = r.tell(ctx, opened, course, decision, intend)
	if failed := (*intentError)(nil); errors.As(err, &failed) {
		return failed.error
	}
	if err != nil {
		log.FromContext(ctx).Error(err, "could not report", "commit", decision.Report.Revision)
		return r.hold(course, d, decision, d.problemOf(err, decision.Report.Revision))
	}
	r.holds.release(key)
	r.backoff.Forget(key)
	return nil
}

// tell brings the forge to what was decided. The first post of a report looks at the commit
// first: a Course that was deleted and made again does not know what its commit bears.
func (r *Reconciler) tell(ctx context.Context, to forge.Client, course *v1alpha1.Course, decision Decision, intend func() error) error {
	status := forge.Status{Context: r.contextOf(course), Target: r.board(course)}
	for _, commit := range decision.Supersedes {
		status.State, status.Description = forge.Pending, describeSuperseded(decision.Report.Revision)
		// A commit that was forced away needs no last word.
		if err := supersede(ctx, to, commit, status); err != nil && !errors.Is(err, forge.ErrNotFound) {
			return err
		}
	}
	if !decision.Post {
		return nil
	}
	status.State, status.Description = forge.State(decision.Report.State), decision.Report.Description
	if status.State == forge.Failure && status.Target != "" {
		status.Target += "?show=attention"
	}
	if last := course.Status.Report; last == nil || last.Revision != decision.Report.Revision {
		latest, err := to.Latest(ctx, decision.Report.Revision, status.Context)
		if err != nil || latest != nil && *latest == status {
			return err
		}
	}
	if err := intend(); err != nil {
		return &intentError{err}
	}
	return to.Post(ctx, decision.Report.Revision, status)
}

// supersede posts the last word about a commit, unless the commit has one already. That of
// a reporter that was killed may name an older commit, and stays.
func supersede(ctx context.Context, to forge.Client, commit string, status forge.Status) error {
	latest, err := to.Latest(ctx, commit, status.Context)
	if err != nil || latest != nil && isSuperseded(latest.Description) {
		return err
	}
	return to.Post(ctx, commit, status)
}

func (r *Reconciler) contextOf(course *v1alpha1.Course) string {
	return fmt.Sprintf("carrel/%s/%s", r.ClusterName, course.Name)
}

// board is the page of the class at the gateway.
func (r *Reconciler) board(course *v1alpha1.Course) string {
	if r.Gateway == "" {
		return ""
	}
	return strings.TrimSuffix(r.Gateway, "/") + "/courses/" + course.Name
}

// hold makes the course wait for its next try, if the error is a problem. One that
// a person must solve holds only this commit, and until the
// Provider is touched or somebody asks for another try.
func (r *Reconciler) hold(course *v1alpha1.Course, d *destination, decision Decision, err error) error {
	var problem *problem
	if !errors.As(err, &problem) {
		return err
	}
	key := client.ObjectKeyFromObject(course)
	problem.branch, problem.commit = d.branch, decision.Report.Revision
	held := hold{attempt: attemptOf(course, d, decision)}
	if problem.reason == v1alpha1.ForgeUnavailableReason {
		problem.after = max(problem.after, r.backoff.When(key))
		held.attempt = ""
	}
	held.until = r.Now().Add(problem.after)
	r.holds.set(key, held)
	return problem
}

// held is how long the course must still wait before this is tried.
func (r *Reconciler) held(course *v1alpha1.Course, d *destination, decision Decision) time.Duration {
	return r.holds.remaining(client.ObjectKeyFromObject(course), attemptOf(course, d, decision), r.Now())
}

// attemptOf tells one attempt from another: what is posted, to whom, and who asked
// for it, as for a try at once.
func attemptOf(course *v1alpha1.Course, d *destination, decision Decision) string {
	return decision.Report.Revision + "/" + d.version + "/" + course.Annotations[fluxmeta.ReconcileRequestAnnotation]
}

func isProblem(err error) bool {
	var problem *problem
	return errors.As(err, &problem) || errors.As(err, &settling{})
}
