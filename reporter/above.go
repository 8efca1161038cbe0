package reporter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// aboveReconciler reports what keeps whole courses from being applied: a Kustomization
// beside the GitRepository, such as courses or the cluster's own, that Flux can't apply. It
// posts a failure on the commit that caused it, and a success on the commit that mends it.
// It keeps what it posted in a ConfigMap (marks).
type aboveReconciler struct {
	*Reconciler
	marks marks

	mu sync.Mutex
	// handled has, by repository, what was posted or needed no post.
	handled map[types.NamespacedName]string
	// until has, by repository, the time before which the forge is not asked again.
	until map[types.NamespacedName]time.Time
}

func newAboveReconciler(r *Reconciler) *aboveReconciler {
	return &aboveReconciler{
		Reconciler: r, marks: marks{client: r.Client, reader: r.APIReader, namespace: r.ForgeNamespace},
		handled: map[types.NamespacedName]string{}, until: map[types.NamespacedName]time.Time{},
	}
}

// Reconcile looks at the Kustomizations beside one GitRepository.
func (r *aboveReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var repository sourcev1.GitRepository
	if err := r.Client.Get(ctx, request.NamespacedName, &repository); apierrors.IsNotFound(err) {
		return ctrl.Result{}, r.marks.forget(ctx, request.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	syncs, err := r.besides(ctx, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	failed := slices.IndexFunc(syncs, func(s Sync) bool { return s.Failure != "" })
	if failed < 0 && slices.ContainsFunc(syncs, func(s Sync) bool { return s.Content == "" }) {
		return ctrl.Result{}, nil // Flux is at work
	}
	now := handledKey(syncs, failed)
	if r.handled[request.NamespacedName] == now {
		return ctrl.Result{}, nil
	}
	if rest := r.until[request.NamespacedName].Sub(r.Now()); rest > 0 {
		return ctrl.Result{RequeueAfter: rest}, nil
	}
	wait, err := r.reportAbove(ctx, &repository, syncs, failed)
	var problem *problem
	if errors.As(err, &problem) {
		log.FromContext(ctx).Info("can't report what is above the courses", "problem", problem.message)
		wait, err = max(problem.after, slowestRetry), nil
		r.until[request.NamespacedName] = r.Now().Add(wait)
	} else if err == nil && wait == 0 {
		r.handled[request.NamespacedName] = now
	}
	return ctrl.Result{RequeueAfter: wait}, err
}

// besides returns the Kustomizations beside a GitRepository that take it, by name.
func (r *aboveReconciler) besides(ctx context.Context, repository types.NamespacedName) ([]Sync, error) {
	var list kustomizev1.KustomizationList
	if err := r.Client.List(ctx, &list, client.InNamespace(repository.Namespace)); err != nil {
		return nil, err
	}
	of := source{kind: sourcev1.GitRepositoryKind, name: repository}
	var syncs []Sync
	for i := range list.Items {
		if sourceOf(&list.Items[i]) == of {
			syncs = append(syncs, SyncOf(&list.Items[i]))
		}
	}
	slices.SortFunc(syncs, func(a, b Sync) int { return strings.Compare(a.Key, b.Key) })
	return syncs, nil
}

// handledKey identifies a failure and the revision that Flux tried. All successes are one.
func handledKey(syncs []Sync, failed int) string {
	if failed < 0 {
		return "applied"
	}
	return syncs[failed].Key + " " + syncs[failed].Revision + " " + syncs[failed].Failure
}

// reportAbove posts about the Kustomization that failed, or that none fails any more if its
// index is negative. It returns when to look again; 0 is never.
func (r *aboveReconciler) reportAbove(ctx context.Context, repository *sourcev1.GitRepository, syncs []Sync, failed int) (time.Duration, error) {
	key := client.ObjectKeyFromObject(repository)
	last, err := r.marks.of(ctx, key)
	if err != nil {
		return 0, err
	}
	words := ""
	if failed >= 0 {
		words = describeAbove(syncs[failed])
	}
	if !last.Unconfirmed && (words == "" && last.State != string(forge.Failure) || words != "" && last.State == string(forge.Failure) && last.Description == words) {
		return 0, nil
	}
	flux := &inFlux{repository: repository}
	d, err := flux.destination(ctx, r.Reconciler)
	if err != nil {
		return 0, err
	}
	opened, err := r.open(ctx, d)
	if err != nil {
		return 0, err
	}
	if last, err = r.confirmAbove(ctx, opened, d, key, last); err != nil {
		return 0, err
	}
	commit := flux.head()
	if failed >= 0 {
		if commit, err = r.causeOf(ctx, remembering{opened, d.address, &r.history}, syncs[failed]); err != nil {
			return 0, d.problemOf(err, syncs[failed].Revision)
		}
	}
	next, wait := nextMark(last, commit, words, r.Now())
	if next == nil {
		return wait, nil
	}
	return 0, r.postAbove(ctx, opened, d, key, next)
}

// context returns the context of the statuses about what is above the courses.
func (r *aboveReconciler) context() string { return "carrel/" + r.ClusterName }

// confirmAbove finds out whether a post that was begun was made, and records it.
func (r *aboveReconciler) confirmAbove(ctx context.Context, to forge.Client, d *destination, key types.NamespacedName, last v1alpha1.ReportStatus) (v1alpha1.ReportStatus, error) {
	if !last.Unconfirmed {
		return last, nil
	}
	latest, err := to.Latest(ctx, last.Revision, r.context())
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return last, d.problemOf(err, last.Revision)
	}
	last = *confirmed(&last, latest)
	return last, r.marks.set(ctx, key, last)
}

// postAbove records what it posts, posts it, and records that the post was made.
func (r *aboveReconciler) postAbove(ctx context.Context, to forge.Client, d *destination, key types.NamespacedName, next *v1alpha1.ReportStatus) error {
	next.Unconfirmed = true
	if err := r.marks.set(ctx, key, *next); err != nil {
		return err
	}
	err := to.Post(ctx, next.Revision, forge.Status{
		Context: r.context(), State: forge.State(next.State), Description: next.Description, Target: strings.TrimSuffix(r.Gateway, "/"),
	})
	if err != nil {
		return d.problemOf(err, next.Revision)
	}
	next.Unconfirmed = false
	return r.marks.set(ctx, key, *next)
}

// nextMark returns what is to be posted about what is above the courses, or nil and when to
// look again. The words describe a failure; without any, nothing fails.
func nextMark(last v1alpha1.ReportStatus, commit, words string, now time.Time) (next *v1alpha1.ReportStatus, wait time.Duration) {
	next = &v1alpha1.ReportStatus{Revision: commit, State: string(forge.Failure), Description: words, Posts: 1, Time: metav1.NewTime(now)}
	if words == "" {
		next.State, next.Description = string(forge.Success), describeAboveMended
	}
	switch {
	case words == "" && last.State != string(forge.Failure):
		return nil, 0
	case last.Revision != commit:
		return next, 0
	case last.State == next.State && last.Description == next.Description:
		return nil, 0
	}
	if allowed, wait := mayPost(&last, next, now); !allowed {
		return nil, wait
	}
	if next.Posts = last.Posts + 1; next.Posts >= maxPosts && words != "" {
		next.Description = describeUnsteady(words)
	}
	return next, 0
}

// causeOf returns the commit since which a Kustomization can't be applied. If no commit
// touches it, the cause is another, and the failure stays on the commit applied last.
func (r *aboveReconciler) causeOf(ctx context.Context, from forge.History, failed Sync) (string, error) {
	base := failed.Applied
	if base == "" || base == failed.Revision {
		return failed.Revision, nil
	}
	found, err := attribute(ctx, from, Question{Bases: []string{base}, Head: failed.Revision, Retried: true}, Paths{Deep: []string{failed.Path}})
	switch {
	case err != nil || found == nil:
		return failed.Revision, err
	case found.Foreign:
		return base, nil
	}
	return found.Commit, nil
}

// sourceOfKustomization enqueues the GitRepository beside a Kustomization.
func sourceOfKustomization(_ context.Context, object client.Object) []reconcile.Request {
	k, ok := object.(*kustomizev1.Kustomization)
	if !ok {
		return nil
	}
	of := sourceOf(k)
	if of.kind != sourcev1.GitRepositoryKind || of.name.Namespace != k.Namespace {
		return nil
	}
	return []reconcile.Request{{NamespacedName: of.name}}
}
