package userland

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	v1alpha1ac "github.com/carrel-dev/carrel/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/conditions"
	"github.com/carrel-dev/carrel/controller/health"
	"github.com/carrel-dev/carrel/controller/workload"
)

// writeStatus says how the carrel is doing, if that is news.
func (r *Reconciler) writeStatus(ctx context.Context, u *v1alpha1.Userland, choice choice, finding health.Finding) error {
	before, now := ours(u.Status), statusOf(u, choice, finding, r.Clock.Now())
	if equality.Semantic.DeepEqual(before, now) {
		return nil
	}
	config := v1alpha1ac.Userland(u.Name, u.Namespace).
		// Not of a namesake that came in its place in the meantime.
		WithUID(u.UID).
		WithStatus(configuration(now))
	if err := r.Status().Apply(ctx, config, client.FieldOwner(apply.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Applier.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	r.tell(u, before, now, finding)
	return nil
}

// ours is the part of a status that this controller writes.
func ours(s v1alpha1.UserlandStatus) v1alpha1.UserlandStatus {
	return v1alpha1.UserlandStatus{
		ObservedGeneration: s.ObservedGeneration,
		User:               s.User,
		State:              s.State,
		Template:           s.Template,
		Address:            s.Address,
		Conditions:         conditions.Ours(s.Conditions),
	}
}

// statusOf is pure.
func statusOf(u *v1alpha1.Userland, choice choice, finding health.Finding, now time.Time) v1alpha1.UserlandStatus {
	verdict := conditions.Verdict{Ready: finding.Ready, Stalled: finding.Stalled, Reason: finding.Reason, Message: finding.Message}
	address := u.Status.Address
	if choice.template != nil {
		address = workload.Address(u, choice.template)
	}
	return v1alpha1.UserlandStatus{
		ObservedGeneration: u.Generation,
		User:               u.User(),
		State:              finding.State,
		Template:           choice.seen,
		Address:            address,
		Conditions:         conditions.Of(u.Status.Conditions, verdict, u.Generation, now),
	}
}

func configuration(s v1alpha1.UserlandStatus) *v1alpha1ac.UserlandStatusApplyConfiguration {
	config := v1alpha1ac.UserlandStatus().
		WithObservedGeneration(s.ObservedGeneration).
		WithUser(s.User).
		WithState(s.State).
		WithConditions(conditions.Configurations(s.Conditions)...)
	if s.Template != nil {
		config.WithTemplate(v1alpha1ac.ObservedTemplate().WithName(s.Template.Name).WithGeneration(s.Template.Generation))
	}
	if s.Address != "" {
		config.WithAddress(s.Address)
	}
	return config
}

// tell makes an event of a carrel that begins to fail, or fails for another
// reason. What goes well is in the status.
func (r *Reconciler) tell(u *v1alpha1.Userland, before, now v1alpha1.UserlandStatus, finding health.Finding) {
	if now.State != v1alpha1.StateFailing || before.State == now.State && reasonOf(before) == finding.Reason {
		return
	}
	r.Events.Eventf(u, nil, corev1.EventTypeWarning, finding.Reason, "Run", "%s", finding.Message)
}

func reasonOf(s v1alpha1.UserlandStatus) string {
	if len(s.Conditions) == 0 {
		return ""
	}
	return s.Conditions[0].Reason
}
