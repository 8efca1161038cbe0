package userland

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/volume"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

// outcome is what came of bringing a carrel about.
type outcome struct {
	choice   choice
	decision lifecycle.PresenceDecision
	// plan is what it is made of; nil if that is not known.
	plan    *workload.Plan
	finding health.Finding
	// rolling is set while the carrel awaits its turn to be restarted for an edit.
	rolling bool
	// next is when volumes the carrel has no use for are to be looked at again;
	// zero: never.
	next time.Time
	// undecided is set while the revision to make it of is not in sight yet,
	// though it is named; its arrival wakes the Userland.
	undecided bool
}

// recheck is when to look again though nothing happens; 0: never.
func (o outcome) recheck(now time.Time) time.Duration {
	soonest := o.finding.Recheck
	for _, moment := range []time.Time{o.decision.Next, o.next} {
		if wait := max(moment.Sub(now), time.Millisecond); !moment.IsZero() && (soonest == 0 || wait < soonest) {
			soonest = wait
		}
	}
	return soonest
}

// bringAbout makes the objects of the carrel and judges it by them.
func (r *Reconciler) bringAbout(ctx context.Context, u *v1alpha1.Userland, c choice) (outcome, error) {
	o := outcome{choice: c}
	s, err := r.look(ctx, u)
	if err != nil {
		return o, err
	}
	has, err := r.origin(ctx, u.Namespace, s.revision())
	if err != nil {
		return o, err
	}
	var notice string
	if o.decision, notice, err = r.decide(ctx, u, c, s, has); err != nil {
		return o, err
	}
	o.decision = r.rolledOut(u, c, o.decision)
	using, err := r.choosing(ctx, u, c, s, o.decision)
	if err != nil {
		return o, err
	}
	if o.rolling, err = r.rolling(ctx, u.Namespace, c, using); err != nil {
		return o, err
	}
	o.plan = r.plan(u, using, o.decision)
	if o.plan == nil && s.deployment == nil {
		return o.withNothing(), nil
	}
	var attached volume.Attached
	attached, o.finding, err = r.realise(ctx, u, o, s)
	o.next = attached.Next
	if err != nil {
		o.finding, err = explain(err)
		return o, err
	}
	o.finding = troubled(o.finding, c.trouble)
	o.finding.Message += notice + attached.Notice
	return o, nil
}

// withNothing is the outcome for a carrel of which nothing is made, nor can be.
func (o outcome) withNothing() outcome {
	if o.choice.trouble == nil {
		o.undecided = true
		return o
	}
	o.decision.LastStart, o.decision.IdleFrom, o.decision.QueuedSince = nil, nil, nil
	o.finding = *o.choice.trouble
	return o
}

// choosing reads the revision the carrel is to be made of; nil if there is none.
func (r *Reconciler) choosing(ctx context.Context, u *v1alpha1.Userland, c choice, s scene, d lifecycle.PresenceDecision) (*origin, error) {
	now := standing{
		latest: c.latest(), has: s.revision(), exists: s.deployment != nil, proven: provenRevision(u),
		runs: s.runs(), wanted: d.Presence == health.Running, restart: d.Restart,
		failing: s.runs() && s.judge(health.Running, nil, r.Clock.Now()).State == v1alpha1.StateFailing,
		granted: r.Grants.May(client.ObjectKeyFromObject(u), c.latest()),
	}
	using, err := r.origin(ctx, u.Namespace, pick(now))
	if using != nil || err != nil || s.runs() {
		return using, err
	}
	// It starts, and the revision it had is lost.
	return r.origin(ctx, u.Namespace, now.latest)
}

func provenRevision(u *v1alpha1.Userland) string {
	if u.Status.Template == nil {
		return ""
	}
	return u.Status.Template.Revision
}

// realise makes the objects and judges the carrel by them. Volumes come first:
// nothing may run on somebody else's.
func (r *Reconciler) realise(ctx context.Context, u *v1alpha1.Userland, o outcome, s scene) (volume.Attached, health.Finding, error) {
	if o.plan == nil {
		err := r.scale(ctx, s.deployment, o.decision.Presence == health.Running)
		return volume.Attached{}, s.judge(o.decision.Presence, nil, r.Clock.Now()), err
	}
	attached, err := r.Volumes.Attach(ctx, volume.Wanted{
		Userland: u, Volumes: o.choice.volumes(o.plan.Blueprint), Mounted: s.mounted(), ResetAt: o.decision.Reset,
	})
	if err != nil {
		return attached, health.Finding{}, err
	}
	o.plan.Claims = attached.Names
	if s.deployment, err = r.build(ctx, *o.plan); err != nil {
		return attached, health.Finding{}, err
	}
	return attached, s.judge(o.decision.Presence, attached.Claims, r.Clock.Now()), nil
}

// troubled is the finding with what is wrong with the Template. Bad input
// changes nothing: a carrel that was made before goes on as it was.
func troubled(now health.Finding, trouble *health.Finding) health.Finding {
	if trouble == nil || now.State == v1alpha1.StateDisabled {
		return now
	}
	finding := *trouble
	finding.Recheck = now.Recheck
	if now.Ready {
		finding.State = now.State
		finding.Message += "; the carrel goes on as it was"
	}
	return finding
}
