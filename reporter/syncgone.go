package reporter

import (
	"context"
	"fmt"
	"strings"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// reportSyncGone says on a Course, and on its last commit, that Flux does not apply it any
// more. The repository is the one of the last report, which only the reporter writes.
func (r *Reconciler) reportSyncGone(ctx context.Context, cached *v1alpha1.Course, p *problem) error {
	found := lost{reason: v1alpha1.SyncGoneReason, message: fmt.Sprintf("%s. Commits do not reach this course any more: "+
		"bring its Kustomization back, or delete the course as docs/maintaining.md says", p.message)}
	if err := r.writeOutOfSync(ctx, cached, found); err != nil {
		return err
	}
	if saysSyncGone(cached.Status.Report) {
		return nil
	}
	var course v1alpha1.Course
	if err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(cached), &course); err != nil {
		return client.IgnoreNotFound(err)
	}
	last := course.Status.Report
	if saysSyncGone(last) {
		return nil
	}
	namespace, name, _ := strings.Cut(last.Source, "/")
	flux := &inFlux{repository: &sourcev1.GitRepository{}, namespace: course.Namespace}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, flux.repository); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	d, err := flux.destination(ctx, r)
	if err != nil || r.held(&course, d, Decision{Report: last}) > 0 {
		return err
	}
	if err := r.confirm(ctx, &course, d, Decision{Report: last}); err != nil {
		return err
	}
	if last = course.Status.Report; saysSyncGone(last) {
		return nil
	}
	report := last.DeepCopy()
	report.Description, report.Posts, report.Time = describeSyncGone(last.Description), last.Posts+1, metav1.NewTime(r.Now())
	return r.carryOut(ctx, &course, d, Decision{Report: report, Post: true})
}

// saysSyncGone reports whether a report needs no post about a course that Flux does not
// apply: there is no commit to post on, or it says so, or it has room for one post only, which
// is kept for a failure.
func saysSyncGone(last *v1alpha1.ReportStatus) bool {
	if last == nil || last.Source == "" {
		return true
	}
	if last.Unconfirmed {
		return false
	}
	return last.State == "" || last.Posts >= maxPosts-1 || strings.HasSuffix(last.Description, syncGoneWords)
}
