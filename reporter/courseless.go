package reporter

import (
	"context"
	"errors"
	"sync"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// memory holds the last report of each namespace that has no Course to keep it. After a
// restart it is empty, and what was posted is read from the commit.
type memory struct{ reports sync.Map }

// remembered is what was last known of a namespace.
type remembered struct {
	report *v1alpha1.ReportStatus
	// intent is the report whose post has no answer yet; nil if there is none.
	intent *v1alpha1.ReportStatus
	// had: it has had a Course, of so many carrels.
	had     bool
	carrels int32
}

func (m *memory) of(course types.NamespacedName) remembered {
	known, _ := m.reports.Load(course)
	last, _ := known.(remembered)
	return last
}

// see remembers a Course while it is there.
func (m *memory) see(course *v1alpha1.Course) {
	known := remembered{report: course.Status.Report, had: course.Status.Report != nil}
	if counts := course.Status.Userlands; counts != nil {
		known.carrels = counts.Total
	}
	m.reports.Store(client.ObjectKeyFromObject(course), known)
}

// reportWithoutCourse tells of the very first sync of a course when it fails: the
// roster is refused, so there is no Course, and the teacher who sent it must learn
// why; and of a commit that took the Course away. Here the label on the namespace,
// which is the cluster maintainer's, says that it is a course's. Success has no place
// here: it would come with a Course.
func (r *Reconciler) reportWithoutCourse(ctx context.Context, key types.NamespacedName) (ctrl.Result, error) {
	if r.Fluxless {
		return ctrl.Result{}, nil
	}
	var local kustomizev1.KustomizationList
	if err := r.Client.List(ctx, &local, client.InNamespace(key.Namespace)); err != nil {
		return ctrl.Result{}, err
	}
	if len(local.Items) == 0 {
		return ctrl.Result{}, nil
	}
	course := &v1alpha1.Course{}
	course.Name, course.Namespace = key.Name, key.Namespace
	course.Status.Report = r.courseless.of(key).report
	result, err := r.reportFailedSync(ctx, course, local.Items)
	var problem *problem
	if errors.As(err, &problem) {
		log.FromContext(ctx).Info("can't report a course whose first sync failed", "problem", problem.message)
		return ctrl.Result{RequeueAfter: problem.after}, nil
	}
	return result, err
}

func (r *Reconciler) reportFailedSync(ctx context.Context, course *v1alpha1.Course, kustomizations []kustomizev1.Kustomization) (ctrl.Result, error) {
	source := sourceOf(&kustomizations[0])
	flux := &inFlux{namespace: course.Namespace}
	for _, k := range kustomizations {
		if sourceOf(&k) == source {
			flux.kustomizations = append(flux.kustomizations, k)
		}
	}
	var err error
	if flux.repository, err = r.repositoryOf(ctx, &kustomizations[0]); err != nil {
		return ctrl.Result{}, err
	}
	decision, err := r.decide(ctx, r.Client, course, flux, lost{})
	if err != nil || decision.Report == nil {
		return ctrl.Result{RequeueAfter: decision.After}, err
	}
	if decision.Report.State != string(forge.Failure) {
		if gone, err := r.isGone(ctx, course, decision.Report); err != nil || !gone {
			return ctrl.Result{RequeueAfter: decision.After}, err
		}
	}
	if ours, err := r.isCourse(ctx, course.Namespace); err != nil || !ours {
		return ctrl.Result{}, err
	}
	destination, err := flux.destination(ctx, r)
	if err != nil {
		return ctrl.Result{}, err
	}
	if wait := r.held(course, destination, decision); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return r.postFailedSync(ctx, course, destination, decision)
}

// postFailedSync posts a report that no Course keeps. What the forge has of a post without
// an answer, and of a reporter that ran before this one, is read from the commit.
func (r *Reconciler) postFailedSync(ctx context.Context, course *v1alpha1.Course, d *destination, decision Decision) (ctrl.Result, error) {
	known := r.courseless.of(client.ObjectKeyFromObject(course))
	remember := func() { r.courseless.reports.Store(client.ObjectKeyFromObject(course), known) }
	if known.intent != nil || known.report == nil {
		opened, err := r.open(ctx, d)
		if err != nil {
			return ctrl.Result{}, r.hold(course, d, decision, err)
		}
		latest, err := opened.Latest(ctx, decision.Report.Revision, r.contextOf(course))
		if err != nil {
			return ctrl.Result{}, r.hold(course, d, decision, d.problemOf(err, decision.Report.Revision))
		}
		if found := toldBefore(known.intent, decision.Report, latest); found != nil {
			known.report, known.intent = found, nil
			remember()
			return ctrl.Result{RequeueAfter: time.Second}, nil
		}
	}
	known.intent = decision.Report
	remember()
	if err := r.deliver(ctx, course, d, decision, func() error { return nil }); err != nil {
		return ctrl.Result{}, err
	}
	known.report, known.intent = decision.Report, nil
	remember()
	return ctrl.Result{}, nil
}

// toldBefore returns the report that the newest status of a commit is of: one that was
// posted without an answer, or one of a reporter that ran before this one, whose count of
// posts is lost, so that its words stay. It returns nil if there is neither.
func toldBefore(intent, next *v1alpha1.ReportStatus, latest *forge.Status) *v1alpha1.ReportStatus {
	switch {
	case latest == nil || latest.State != forge.Failure:
		return nil
	case intent != nil && intent.Revision == next.Revision:
		if latest.Description != intent.Description {
			return nil
		}
		return intent
	}
	found := next.DeepCopy()
	found.Description, found.Posts = latest.Description, maxWords
	return found
}

// isGone words the report of a commit that took the Course away, if it is one. A
// Course that somebody deleted otherwise is no commit's fault.
func (r *Reconciler) isGone(ctx context.Context, course *v1alpha1.Course, report *v1alpha1.ReportStatus) (bool, error) {
	known := r.courseless.of(client.ObjectKeyFromObject(course))
	if !known.had || known.report.Revision == report.Revision {
		return false, nil
	}
	// The cache may be behind a Course made anew.
	err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(course), &v1alpha1.Course{})
	if !apierrors.IsNotFound(err) {
		return false, err
	}
	report.State, report.Description = string(forge.Failure), describeCourseGone(known.carrels)
	return true, nil
}

// isCourse reads the namespace's label.
func (r *Reconciler) isCourse(ctx context.Context, namespace string) (bool, error) {
	var found corev1.Namespace
	if err := r.APIReader.Get(ctx, client.ObjectKey{Name: namespace}, &found); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return found.Labels[v1alpha1.CourseLabel] == namespace, nil
}
