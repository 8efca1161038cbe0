package userland

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// record writes the status if it changed, then logs the decision and reports it in
// an event, and returns when to look again. A problem that passes by itself is
// returned as the error it was, so that the queue backs off and the error counts.
// Nothing is recorded while the cache is behind: it catches up in milliseconds.
func (r *Reconciler) record(ctx context.Context, w lifecycle.World, d lifecycle.Decision, err error) (ctrl.Result, error) {
	if errors.Is(err, kube.ErrCacheBehind) {
		return ctrl.Result{RequeueAfter: kube.CacheLag}, nil
	}
	r.Lines.Take(client.ObjectKeyFromObject(w.Userland), d.Queue, w.Now)
	if d.Writes(w) {
		if err := r.writeStatus(ctx, w.Userland, d.Status); err != nil {
			return retry(err)
		}
		measure(w.Userland.Namespace, &w.Userland.Status, &d.Status, w.Now)
	}
	if d.Changed(w) {
		log.FromContext(ctx).Info("Decided", logValues(w, d)...)
	}
	if d.Event != nil {
		r.Events.Eventf(w.Userland, nil, corev1.EventTypeWarning, d.Event.Reason, "Run", "%s", d.Event.Message)
	}
	if d.Problem != nil && d.Problem.Cause == health.Unavailable {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: r.until(d.Next)}, nil
}

// retry returns when a write of which the status says nothing is tried again.
func retry(err error) (ctrl.Result, error) {
	if problem := health.Classify(err); problem.Cause != health.Unavailable {
		return ctrl.Result{RequeueAfter: problem.Retry}, nil
	}
	return ctrl.Result{}, err
}

// until returns how long it is until a moment; 0 if the moment is zero.
func (r *Reconciler) until(next time.Time) time.Duration {
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(r.Clock.Now()), time.Millisecond)
}

// logValues returns the keys and values of the log line of a decision.
func logValues(w lifecycle.World, d lifecycle.Decision) []any {
	var values []any
	for _, fact := range d.Facts(w) {
		values = append(values, fact.Name, fact.Value)
	}
	return values
}

// writeStatus writes the controller's part of a status.
func (r *Reconciler) writeStatus(ctx context.Context, u *v1alpha1.Userland, status v1alpha1.UserlandStatus) error {
	config := v1alpha1ac.Userland(u.Name, u.Namespace).
		// Not of a namesake that came in its place in the meantime.
		WithUID(u.UID).
		WithStatus(configuration(status))
	if err := r.Status().Apply(ctx, config, client.FieldOwner(kube.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status of Userland %q: %w", u.Name, err)
	}
	r.Applier.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	return nil
}

func configuration(s v1alpha1.UserlandStatus) *v1alpha1ac.UserlandStatusApplyConfiguration {
	config := v1alpha1ac.UserlandStatus().
		WithObservedGeneration(s.ObservedGeneration).
		WithUser(s.User).
		WithState(s.State).
		WithConditions(health.ConditionConfigurations(s.Conditions)...)
	config.LastStartTime, config.IdleFrom, config.QueuedSince = s.LastStartTime, s.IdleFrom, s.QueuedSince
	if s.Template != nil {
		config.Template = &v1alpha1ac.ObservedTemplateApplyConfiguration{Name: &s.Template.Name, Generation: &s.Template.Generation}
		if s.Template.Revision != "" {
			config.Template.WithRevision(s.Template.Revision)
		}
	}
	if e := s.LastEnd; e != nil {
		config.LastEnd = v1alpha1ac.LastEnd().WithTime(e.Time)
		if e.Container != "" {
			config.LastEnd.WithContainer(e.Container).WithExitCode(e.ExitCode)
		}
		if e.Reason != "" {
			config.LastEnd.WithReason(e.Reason)
		}
		if e.Log != "" {
			config.LastEnd.WithLog(e.Log)
		}
	}
	if s.LastHandledReconcileAt != "" {
		config.WithLastHandledReconcileAt(s.LastHandledReconcileAt)
	}
	if s.Address != "" {
		config.WithAddress(s.Address)
	}
	if h := s.Handled; h != nil {
		config.Handled = &v1alpha1ac.HandledRequestsApplyConfiguration{RestartAt: h.RestartAt, StopAt: h.StopAt, ResetAt: h.ResetAt, AheadActivityTime: h.AheadActivityTime}
	}
	return config
}
