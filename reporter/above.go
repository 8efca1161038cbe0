package reporter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/carrel-dev/carrel/forge"
)

// aboveReconciler reports what keeps whole courses from being applied: a Kustomization
// beside the GitRepository, such as courses or the cluster's own, that Flux can't apply. It
// posts a failure on the commit that caused it, and a success on the commit that mends it.
// It keeps what it posted in memory. After a restart it finds on the commit what is there.
type aboveReconciler struct {
	*Reconciler
	mu     sync.Mutex
	posted map[types.NamespacedName]mark
}

// mark is what was posted last.
type mark struct{ commit, description string }

// Reconcile looks at the Kustomizations beside one GitRepository.
func (r *aboveReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var repository sourcev1.GitRepository
	if err := r.Client.Get(ctx, request.NamespacedName, &repository); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var list kustomizev1.KustomizationList
	if err := r.Client.List(ctx, &list, client.InNamespace(request.Namespace)); err != nil {
		return ctrl.Result{}, err
	}
	of := source{kind: sourcev1.GitRepositoryKind, name: request.NamespacedName}
	var syncs []Sync
	for i := range list.Items {
		if sourceOf(&list.Items[i]) == of {
			syncs = append(syncs, SyncOf(&list.Items[i]))
		}
	}
	r.mu.Lock()
	last, failedBefore := r.posted[request.NamespacedName]
	r.mu.Unlock()
	i := slices.IndexFunc(syncs, func(s Sync) bool { return s.Failure != "" })
	waits := slices.ContainsFunc(syncs, func(s Sync) bool { return s.Content == "" })
	if i < 0 && (!failedBefore || waits) || i >= 0 && last.description == describeAbove(syncs[i]) {
		return ctrl.Result{}, nil // nothing new, or Flux is at work
	}
	err := r.postAbove(ctx, &repository, syncs, i)
	var problem *problem
	if errors.As(err, &problem) {
		log.FromContext(ctx).Info("can't report what is above the courses", "problem", problem.message)
		return ctrl.Result{RequeueAfter: max(problem.after, slowestRetry)}, nil
	}
	return ctrl.Result{}, err
}

// postAbove posts about the Kustomization that failed, or that none fails any more if its
// index is negative.
func (r *aboveReconciler) postAbove(ctx context.Context, repository *sourcev1.GitRepository, syncs []Sync, failed int) error {
	flux := &inFlux{repository: repository}
	d, err := flux.destination(ctx, r.Reconciler)
	if err != nil {
		return err
	}
	opened, err := r.open(ctx, d)
	if err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(repository)
	status := forge.Status{Context: "carrel/" + r.ClusterName, State: forge.Success, Description: describeAboveMended, Target: strings.TrimSuffix(r.Gateway, "/")}
	commit := flux.head()
	if failed >= 0 {
		status.State, status.Description = forge.Failure, describeAbove(syncs[failed])
		commit, err = r.causeOf(ctx, remembering{opened, d.address, &r.history}, syncs[failed])
		if err != nil {
			return d.problemOf(err, syncs[failed].Revision)
		}
	}
	if err := post(ctx, opened, commit, status, true); err != nil {
		return d.problemOf(err, commit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.posted, key); failed >= 0 {
		r.posted[key] = mark{commit, status.Description}
	}
	return nil
}

// causeOf returns the commit since which a Kustomization can't be applied.
func (r *aboveReconciler) causeOf(ctx context.Context, from forge.History, failed Sync) (string, error) {
	base := failed.Applied
	if base == "" || base == failed.Revision {
		return failed.Revision, nil
	}
	found, err := attribute(ctx, from, Question{Bases: []string{base}, Head: failed.Revision, Failed: true}, Paths{Deep: []string{failed.Path}})
	if err != nil || found == nil || found.Foreign {
		return failed.Revision, err
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
