package errand

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/room"
)

// Reconciler tries the revisions of Templates.
type Reconciler struct {
	// Client reads from the cache and writes.
	client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Room is shared with the other errands.
	Room *room.Room
	// Clock returns the time.
	Clock clock.PassiveClock
}

// The account can create Jobs, and by the policy errand.carrel.dev only those of a
// Template's pod. By the policy pod-trial.carrel.dev it creates pods as dry runs only.
//
// +kubebuilder:rbac:groups=carrel.dev,resources=templates;userlands;courses,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=templates/status,verbs=patch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;create
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=resourcequotas,verbs=list
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get

// Reconcile brings the trial of a Template's present revision one step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.Room.Lock()
	defer r.Room.Unlock()
	world, err := r.observe(ctx, req.NamespacedName)
	if err != nil || world == nil {
		return ctrl.Result{}, err
	}
	decision := Decide(*world)
	actErr := r.act(ctx, &decision)
	if err := r.writeStatus(ctx, world, decision); err != nil {
		if apierrors.IsConflict(err) {
			return ctrl.Result{RequeueAfter: health.RetryConflict}, nil
		}
		return ctrl.Result{}, err
	}
	if actErr != nil || decision.Next.IsZero() {
		return ctrl.Result{}, actErr
	}
	return ctrl.Result{RequeueAfter: max(decision.Next.Sub(world.Now), time.Second)}, nil
}

// act deletes the Jobs that are over and creates the one that is due. What the API
// server refuses becomes part of the decision; the error is what is tried again.
func (r *Reconciler) act(ctx context.Context, d *Decision) error {
	for i := range d.Remove {
		if err := r.Room.Remove(ctx, &d.Remove[i]); err != nil {
			return err
		}
	}
	if !d.Start {
		return nil
	}
	job, err := workload.TrialJob(d.world.Template, d.world.jobName())
	if err != nil {
		return err
	}
	err = r.Room.Create(ctx, job)
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil // the cache does not show it yet
	}
	return d.notMade(health.Classify(fmt.Errorf("create the job of the trial: %w", err)))
}

// writeStatus writes the outcomes of a Template if they changed.
func (r *Reconciler) writeStatus(ctx context.Context, world *World, d Decision) error {
	trials := d.Trials()
	if equalTrials(world.Template.Status.Trials, trials) {
		return nil
	}
	status := v1alpha1ac.TemplateStatus()
	for _, trial := range trials {
		status.WithTrials(configuration(trial))
	}
	// Never that of a namesake, nor what was decided on an older status.
	t := world.Template
	config := v1alpha1ac.Template(t.Name, t.Namespace).WithUID(t.UID).WithResourceVersion(t.ResourceVersion).WithStatus(status)
	if err := r.Status().Apply(ctx, config, client.FieldOwner(room.FieldOwner), client.ForceOwnership); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write the status: %w", err))
	}
	if outcome := d.Ended(); outcome != "" {
		outcomes.WithLabelValues(outcome).Inc()
		log.FromContext(ctx).Info("Tried", "revision", d.Trial.Revision, "outcome", outcome, "reason", d.Trial.Reason, "because", d.Trial.Message)
	}
	return nil
}

// configuration returns an outcome as an apply takes it.
func configuration(trial v1alpha1.TemplateTrial) *v1alpha1ac.TemplateTrialApplyConfiguration {
	config := v1alpha1ac.TemplateTrial().WithRevision(trial.Revision).WithOutcome(trial.Outcome).WithReason(trial.Reason).
		WithMessage(trial.Message).WithTime(trial.Time).WithAttempts(trial.Attempts)
	if trial.Volumes != "" {
		config.WithVolumes(trial.Volumes)
	}
	if trial.RetryTime != nil {
		config.WithRetryTime(*trial.RetryTime)
	}
	return config
}
