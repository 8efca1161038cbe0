package report

import (
	"context"
	"errors"
	"sync"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// memory holds the last report of each namespace that has no Course to keep it.
// A restarted reporter has none, and finds on the commit what was posted.
type memory struct{ reports sync.Map }

func (m *memory) of(course types.NamespacedName) *v1alpha1.ReportStatus {
	report, _ := m.reports.Load(course)
	last, _ := report.(*v1alpha1.ReportStatus)
	return last
}

// reportWithoutCourse tells of the very first sync of a course when it fails: the
// roster is refused, so there is no Course, and the teacher who sent it must learn
// why. Here the label on the namespace, which is the cluster maintainer's, says
// that it is a course's. Success has no place here: it would come with a Course.
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
	course.Status.Report = r.courseless.of(key)
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
	flux := &inFlux{}
	for _, k := range kustomizations {
		if sourceOf(&k) == source {
			flux.kustomizations = append(flux.kustomizations, k)
		}
	}
	var err error
	if flux.repository, err = r.repositoryOf(ctx, &kustomizations[0]); err != nil {
		return ctrl.Result{}, err
	}
	decision, err := r.decide(ctx, r.Client, course, flux)
	if err != nil || decision.Report == nil || decision.Report.State != string(forge.Failure) {
		return ctrl.Result{RequeueAfter: decision.After}, err
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
	if err := r.deliver(ctx, course, destination, decision); err != nil {
		return ctrl.Result{}, err
	}
	r.courseless.reports.Store(client.ObjectKeyFromObject(course), decision.Report)
	r.certainty.set(client.ObjectKeyFromObject(course), true)
	return ctrl.Result{}, nil
}

// isCourse reads the namespace's label.
func (r *Reconciler) isCourse(ctx context.Context, namespace string) (bool, error) {
	var found corev1.Namespace
	if err := r.APIReader.Get(ctx, client.ObjectKey{Name: namespace}, &found); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return found.Labels[v1alpha1.CourseLabel] == namespace, nil
}
