package canary

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applymetav1 "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/errand/room"
)

// Reconciler keeps the condition Isolated of Courses.
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

// By the policy course-status.carrel.dev, the account writes status.isolation and the
// condition Isolated only. By the policy errand-canary.carrel.dev, the pod of a canary
// runs the image that the account's own Deployment has.
//
// +kubebuilder:rbac:groups=carrel.dev,resources=courses/status,verbs=patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,namespace=carrel-system,resources=deployments,resourceNames=carrel-errand,verbs=get

// Reconcile brings the canary of a Course one step further.
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

// act deletes the Jobs that are over and creates the one that is due. What the API server
// refuses becomes part of the decision; the error is what is tried again.
func (r *Reconciler) act(ctx context.Context, d *Decision) error {
	for i := range d.Remove {
		if err := r.Room.Remove(ctx, &d.Remove[i]); err != nil {
			return err
		}
	}
	if !d.Start {
		return nil
	}
	err := r.Room.Create(ctx, d.world.Plan.Job)
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil // the cache does not show it yet
	}
	switch problem := health.Classify(fmt.Errorf("create the job of the canary: %w", err)); problem.Cause {
	case health.Quota, health.Refused:
		d.failed(problem.Message)
	case health.Gone:
	default:
		return err
	}
	return nil
}

// writeStatus writes what the decision records, if it is anything.
func (r *Reconciler) writeStatus(ctx context.Context, world *World, d Decision) error {
	if d.Isolation == nil && d.Condition == nil {
		return nil
	}
	c := world.Course
	status := v1alpha1ac.CourseStatus()
	// An apply removes what it leaves out.
	if isolation := d.Isolation; isolation != nil {
		status.WithIsolation(configuration(*isolation))
	} else if c.Status.Isolation != nil {
		status.WithIsolation(configuration(*c.Status.Isolation))
	}
	if condition := d.newCondition(); condition != nil {
		status.WithConditions(applymetav1.Condition().WithType(condition.Type).WithStatus(condition.Status).WithReason(condition.Reason).
			WithMessage(condition.Message).WithObservedGeneration(condition.ObservedGeneration).WithLastTransitionTime(condition.LastTransitionTime))
	}
	// The UID keeps the answer from a Course that was made again under the same name.
	config := v1alpha1ac.Course(c.Name, c.Namespace).WithUID(c.UID).WithStatus(status)
	if err := r.Status().Apply(ctx, config, client.FieldOwner(room.FieldOwner), client.ForceOwnership); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write the status: %w", err))
	}
	if d.Condition != nil {
		log.FromContext(ctx).Info("Tried", "isolated", d.Condition.Status, "reason", d.Condition.Reason, "because", d.Condition.Message)
	}
	return nil
}

// newCondition returns the condition to write; nil if there is none. It keeps the time of
// the last change of its status.
func (d Decision) newCondition() *metav1.Condition {
	var conditions []metav1.Condition
	if before := d.world.condition(); before != nil {
		conditions = append(conditions, *before)
	}
	if d.Condition != nil {
		condition := *d.Condition
		condition.ObservedGeneration, condition.LastTransitionTime = d.world.Course.Generation, metav1.NewTime(d.world.Now)
		meta.SetStatusCondition(&conditions, condition)
	}
	return meta.FindStatusCondition(conditions, v1alpha1.IsolatedCondition)
}

// configuration returns what is recorded as an apply takes it.
func configuration(status v1alpha1.IsolationStatus) *v1alpha1ac.IsolationStatusApplyConfiguration {
	config := v1alpha1ac.IsolationStatus().WithAttempts(status.Attempts).WithFailures(status.Failures).
		WithTime(status.Time).WithRetryTime(status.RetryTime)
	if status.ProvenTime != nil {
		config.WithProvenTime(*status.ProvenTime).WithPolicies(status.Policies)
	}
	return config
}
