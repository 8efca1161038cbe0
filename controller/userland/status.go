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

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
)

// writeStatus says how the carrel is doing, if that is news.
func (r *Reconciler) writeStatus(ctx context.Context, u *v1alpha1.Userland, o outcome) error {
	before, now := ours(u.Status), statusOf(u, o, r.Clock.Now())
	if equality.Semantic.DeepEqual(before, now) {
		return nil
	}
	config := v1alpha1ac.Userland(u.Name, u.Namespace).
		// Not of a namesake that came in its place in the meantime.
		WithUID(u.UID).
		WithStatus(configuration(now))
	if err := r.Status().Apply(ctx, config, client.FieldOwner(kube.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	r.Applier.Recent.Wrote(kind, &metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name, ResourceVersion: ptr.Deref(config.ResourceVersion, "")})
	r.tell(u, before, now, o.finding)
	return nil
}

// ours is the part of a status that this controller writes.
func ours(s v1alpha1.UserlandStatus) v1alpha1.UserlandStatus {
	s.LastActivityTime, s.Requests = nil, nil
	s.Conditions = health.OurConditions(s.Conditions, v1alpha1.UpdatePendingCondition)
	return s
}

// statusOf is pure.
func statusOf(u *v1alpha1.Userland, o outcome, now time.Time) v1alpha1.UserlandStatus {
	finding := o.finding
	verdict := health.Verdict{Ready: finding.Ready, Stalled: finding.Stalled, Reason: finding.Reason, Message: finding.Message}
	status := v1alpha1.UserlandStatus{
		ObservedGeneration: u.Generation,
		User:               u.User(),
		State:              finding.State,
		Template:           o.template(u),
		Address:            u.Status.Address,
		LastStartTime:      o.decision.LastStart,
		IdleFrom:           o.decision.IdleFrom,
		QueuedSince:        o.decision.QueuedSince,
		Handled:            o.handled(u),
		Conditions:         health.ConditionsOf(u.Status.Conditions, verdict, u.Generation, now),
	}
	if o.plan != nil {
		status.Address = o.plan.Address()
	}
	if reason, message := o.pending(); reason != "" {
		status.Conditions = append(status.Conditions,
			health.TrueCondition(u.Status.Conditions, v1alpha1.UpdatePendingCondition, reason, message, u.Generation, now))
	}
	return status
}

// handled are the requests honoured. One for fresh volumes is once they are there.
func (o outcome) handled(u *v1alpha1.Userland) *v1alpha1.HandledRequests {
	if o.decision.Reset == nil || o.plan != nil && o.plan.Claims != nil {
		return o.decision.Handled
	}
	handled := *o.decision.Handled
	handled.ResetAt = ptr.Deref(u.Status.Handled, v1alpha1.HandledRequests{}).ResetAt
	return &handled
}

// template is what the status says of the Template.
func (o outcome) template(u *v1alpha1.Userland) *v1alpha1.ObservedTemplate {
	if o.choice.seen == nil {
		return nil
	}
	seen := *o.choice.seen
	if o.plan != nil {
		seen.Revision = provenBy(o.plan.Run, o.finding.State == v1alpha1.StateRunning, o.plan.Revision, provenRevision(u))
	}
	return &seen
}

// pending says when a running carrel takes the latest revision; nothing if that
// is what it has.
func (o outcome) pending() (reason, message string) {
	latest := o.choice.latest()
	switch {
	case o.plan == nil || !o.plan.Run || latest == "" || o.plan.Revision == latest:
		return "", ""
	case o.rolling:
		return v1alpha1.RollingOutReason, fmt.Sprintf("the carrel goes on as it was until it is its turn to be restarted for the edit of Template %q", o.choice.seen.Name)
	default:
		return v1alpha1.OlderRevisionReason, fmt.Sprintf("the carrel goes on as it was; Template %q has a newer revision, which it takes when it next starts", o.choice.seen.Name)
	}
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
	if s.Address != "" {
		config.WithAddress(s.Address)
	}
	if h := s.Handled; h != nil {
		config.Handled = &v1alpha1ac.HandledRequestsApplyConfiguration{RestartAt: h.RestartAt, StopAt: h.StopAt, ResetAt: h.ResetAt}
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
