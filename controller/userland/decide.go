package userland

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/core/workload"
)

const (
	// probeAgain is how long a carrel whose idle probe did not answer is left
	// alone before it is asked again.
	probeAgain = time.Minute
	// unknownIdle is how recent activity must be to wake a carrel whose Template
	// is gone.
	unknownIdle = time.Hour
)

// decide says whether the carrel is to run, and what there is to add for people.
func (r *Reconciler) decide(ctx context.Context, u *v1alpha1.Userland, c choice, s scene, using *origin) (lifecycle.PresenceDecision, string, error) {
	facts := lifecycle.PresenceFacts{Enabled: u.Enabled(), Timetable: c.meets, Idle: c.idle(s.runs()), Running: s.runs(), Status: u.Status, Now: r.Clock.Now()}
	decision, notice := r.consult(ctx, u, facts, using, s)
	decision, err := r.queue(ctx, u, c, facts, decision)
	return decision, notice, err
}

// consult lets the software of a carrel object that is to be stopped for idleness.
func (r *Reconciler) consult(ctx context.Context, u *v1alpha1.Userland, facts lifecycle.PresenceFacts, using *origin, s scene) (lifecycle.PresenceDecision, string) {
	decision := lifecycle.DecidePresence(facts)
	if !decision.Idle || !s.runs() || facts.Idle.Probe == nil || using == nil {
		return decision, ""
	}
	url := probeURL(facts.Idle.Probe, using.blueprint, s)
	if url == "" {
		return decision, ""
	}
	answer, answered := r.Prober.Ask(ctx, u, url, lifecycle.SleepAt(facts))
	if answered && answer.Err == nil {
		facts.Probed = answer.LastActivity
		return lifecycle.DecidePresence(facts), ""
	}
	facts.Probed = facts.Now.Add(probeAgain - facts.Idle.After.Duration)
	decision = lifecycle.DecidePresence(facts)
	if answered {
		return decision, fmt.Sprintf("; it is not stopped for idleness, because its idle probe fails: %v", answer.Err)
	}
	return decision, ""
}

// rolledOut counts the restart for a roll-out as a start, by which those that
// fail of it are told from those that failed before. It says so until it is
// written down.
func (r *Reconciler) rolledOut(u *v1alpha1.Userland, c choice, d lifecycle.PresenceDecision) lifecycle.PresenceDecision {
	if d.Presence != health.Running || !r.Grants.May(client.ObjectKeyFromObject(u), c.latest()) {
		return d
	}
	if since := c.template.Status.Revision.Since; d.LastStart.Before(&since) {
		now := metav1.NewTime(r.Clock.Now().Truncate(time.Second))
		d.LastStart = &now
	}
	return d
}

// rolling reports whether a carrel that is made of one revision is to be
// restarted for the latest: for an edit it is, and not for what another version
// of the controller makes of the same Template.
func (r *Reconciler) rolling(ctx context.Context, namespace string, c choice, using *origin) (bool, error) {
	if using == nil || c.latest() == "" || using.kept.Name == c.latest() || c.template.Spec.Rollout.When != v1alpha1.RolloutImmediate {
		return false, nil
	}
	latest, err := r.origin(ctx, namespace, c.latest())
	return latest != nil && !workload.SameSource(using.kept, latest.kept), err
}

// idle is when the carrel is stopped for idleness. Without a Template, what runs
// goes on and what sleeps wakes by recent activity only: bad input changes
// nothing.
func (c choice) idle(runs bool) *v1alpha1.Idle {
	switch {
	case c.template != nil:
		return c.template.Spec.Idle
	case runs:
		return nil
	default:
		return &v1alpha1.Idle{After: metav1.Duration{Duration: unknownIdle}}
	}
}

// probeURL is where to ask the carrel when it was last used; empty while there
// is no pod to ask.
func probeURL(probe *v1alpha1.IdleProbe, b workload.Blueprint, s scene) string {
	pod := health.Newest(s.pods)
	port, found := workload.Port(b.Service, probe.Port)
	if pod == nil || pod.Status.PodIP == "" || !found {
		return ""
	}
	return "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(workload.TargetPort(port)))) + probe.Path
}
