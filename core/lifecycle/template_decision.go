package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

// unusedFor is how long no carrel must have used a revision before it is deleted:
// longer than the cache takes to show a carrel that was just made of it.
const unusedFor = time.Minute

// TemplateWorld holds everything that the decision about a Template rests on, read
// at one moment.
type TemplateWorld struct {
	// Template is nil once it is gone. Its status holds what was decided before.
	Template *v1alpha1.Template
	// Wanted is the revision that this version of the controller makes of it.
	Wanted *appsv1.ControllerRevision
	// Trial is the last answer of the API server about it; nil if it was not asked,
	// or if the answer was forgotten. It must be set if TrialDue reports true.
	Trial *Trial
	// Userlands are those that follow the Template.
	Userlands []v1alpha1.Userland
	// SessionEnds holds, by section, when its users are in no session any more; zero or
	// absent if they are in none.
	SessionEnds map[string]time.Time
	// Course is the class; nil: there is none. Class counts all its Userlands if the
	// present revision is not the wanted one, else it is 0.
	Course *v1alpha1.Course
	Class  int
	// Revisions are those that are kept of it.
	Revisions []KeptRevision
	// Granted holds, by the name of a Userland, the revision onto which the carrel
	// was allowed to restart and has not restarted yet.
	Granted map[string]string
	// Unread is why some of this could not be read; nil: all was. With it, only the
	// Template and the time are set for certain, and nothing but the status changes.
	Unread error
	// Failures counts how often in a row something failed that is tried again.
	Failures int
	// Now is the time.
	Now time.Time
}

// KeptRevision is a revision of a Template that exists in the cluster.
type KeptRevision struct {
	*appsv1.ControllerRevision
	// UnusedSince is when it was first seen that no carrel is made of it; zero: one
	// is, or would have to be made of it again if it were lost.
	UnusedSince time.Time
}

// TemplateDecision holds what to do for a Template, and its status.
type TemplateDecision struct {
	// Keep is the revision to create; nil if there is nothing to create.
	Keep *appsv1.ControllerRevision
	// Restart names the carrels that may restart onto Revision; all others may not.
	Restart  []string
	Revision string
	// Remove are the revisions to delete.
	Remove []*appsv1.ControllerRevision

	world  TemplateWorld
	status v1alpha1.TemplateStatus
	// problem is what is tried again; nil if nothing failed.
	problem *health.Problem
	// held is set if the edit waits for a confirmation.
	held bool
	// written is set if the problem is that of a write, and not of the trial.
	written bool
	next    time.Time
}

// TrialDue reports whether the API server has to be asked about the Template: it
// was not asked about this generation and this revision, did not answer, or found
// them invalid, or would have refused a first start, some time ago. It is also asked
// when there are more carrels to start for the first time than when it was asked.
func (w TemplateWorld) TrialDue() bool {
	switch {
	case len(workload.Validate(w.Template)) > 0:
		return false
	case w.settled() && w.moreFirstStarts():
		return true
	case w.settled() && !w.startRefused():
		return false
	default:
		return w.Trial == nil || w.Trial.Of != w.tried() || !w.Now.Before(w.Trial.Until)
	}
}

// settled reports whether the status records that the Template as it stands was
// accepted, and nobody has asked since to have it judged again.
func (w TemplateWorld) settled() bool {
	status, requested := w.Template.Status, w.Template.Annotations[fluxmeta.ReconcileRequestAnnotation]
	return status.ObservedGeneration == w.Template.Generation && accepted(status) && currentRevision(status) == w.Wanted.Name &&
		(requested == "" || requested == status.LastHandledReconcileAt)
}

// DecideTemplate decides what to do for a Template. It changes none of its
// arguments.
func DecideTemplate(w TemplateWorld) TemplateDecision {
	d := TemplateDecision{world: w}
	if w.Unread != nil {
		d.unchanged(health.Classify(w.Unread))
		return d
	}
	if w.Template != nil {
		d.judge()
		d.rollOut()
	}
	d.collect()
	return d
}

// judge sets the verdict and the revision. While the API server does not answer,
// the last verdict and its revision stand.
func (d *TemplateDecision) judge() {
	t := d.world.Template
	d.status = v1alpha1.TemplateStatus{
		ObservedGeneration: t.Status.ObservedGeneration, Revision: t.Status.Revision, LastHandledReconcileAt: t.Status.LastHandledReconcileAt,
	}
	verdict, until, problem := d.world.verdict()
	d.soon(until)
	if problem != nil {
		d.postpone(*problem)
		return
	}
	d.status.ObservedGeneration = t.Generation
	d.status.LastHandledReconcileAt = t.Annotations[fluxmeta.ReconcileRequestAnnotation]
	d.status.Conditions = health.ConditionsOf(t.Status.Conditions, verdict, t.Generation, d.world.Now)
	if !verdict.Ready {
		return
	}
	d.warnOfRefusal()
	if currentRevision(d.status) != d.world.Wanted.Name {
		if held := d.world.heldVolumes(); held != nil {
			d.hold(*held)
			return
		}
		d.status.Revision = &v1alpha1.TemplateRevision{Name: d.world.Wanted.Name, Since: metav1.NewTime(d.world.Now.Truncate(time.Second))}
	}
	if !slices.ContainsFunc(d.world.Revisions, func(kept KeptRevision) bool { return kept.Name == d.world.Wanted.Name }) {
		d.Keep = d.world.Wanted
	}
}

// verdict returns whether carrels can be made of the Template: by Carrel's own
// rules, then by the API server, which knows what a valid pod is. The problem is
// set if that is not known. Until is when the API server is to be asked again;
// zero: never.
func (w TemplateWorld) verdict() (verdict health.Verdict, until time.Time, problem *health.Problem) {
	var own []string
	for _, fault := range workload.Validate(w.Template) {
		own = append(own, fault.Error())
	}
	trial := w.Trial
	switch {
	case len(own) > 0:
		return invalidTemplate(strings.Join(own, "; ")), until, nil
	case w.settled():
		return acceptedTemplate(), until, nil
	case trial.Failure != nil:
		return verdict, trial.Until, trial.Failure
	case len(trial.Faults) > 0:
		return invalidTemplate(strings.Join(trial.Faults, "; ")), trial.Until, nil
	default:
		return acceptedTemplate(), until, nil
	}
}

func acceptedTemplate() health.Verdict {
	return health.Verdict{Ready: true, Reason: v1alpha1.AcceptedReason, Message: "carrels can be made of it"}
}

func invalidTemplate(faults string) health.Verdict {
	return health.Verdict{Stalled: true, Reason: v1alpha1.TemplateInvalidReason, Message: faults}
}

func accepted(s v1alpha1.TemplateStatus) bool {
	return meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ReadyCondition)
}

// currentRevision returns the name of the revision that carrels are made of; empty
// if there is none.
func currentRevision(s v1alpha1.TemplateStatus) string {
	if s.Revision == nil {
		return ""
	}
	return s.Revision.Name
}

// rollOut counts the Userlands and chooses the carrels that may restart. While the
// Template is invalid or not judged, nobody more is restarted.
func (d *TemplateDecision) rollOut() {
	w, t := d.world, d.world.Template
	counts, carrels := takeCensus(t, d.status, w.Userlands, w.SessionEnds, d.sameSource)
	d.status.Userlands, d.Revision, d.Restart = &counts, currentRevision(d.status), nil
	granted := func(name string) bool { return d.Revision != "" && w.Granted[name] == d.Revision }
	switch {
	case d.problem != nil:
		for _, carrel := range carrels {
			if granted(carrel.Name) {
				d.Restart = append(d.Restart, carrel.Name)
			}
		}
	case accepted(d.status):
		plan := PlanRollout(RolloutFacts{Rollout: t.Spec.Rollout, Since: d.status.Revision.Since.Time, Carrels: carrels, Granted: granted, Now: w.Now})
		d.Restart = plan.Restart
		d.soon(plan.Next)
		d.sayWaits(plan.SessionEnd)
		if plan.Held != "" && !d.held {
			d.status.Conditions = append(d.status.Conditions, health.TrueCondition(t.Status.Conditions,
				v1alpha1.RolloutHeldCondition, v1alpha1.UpdatedFailingReason, plan.Held, t.Generation, w.Now))
		}
	default:
		d.Revision = ""
	}
}

// sayWaits adds to the Ready condition until when a roll-out waits for a session.
func (d *TemplateDecision) sayWaits(sessionEnd time.Time) {
	if ready := meta.FindStatusCondition(d.status.Conditions, v1alpha1.ReadyCondition); ready != nil && !sessionEnd.IsZero() {
		ready.Message += fmt.Sprintf("; carrels in a session go on as they were until it is over at %s, and are then restarted for the present revision", moment(sessionEnd))
	}
}

// sameSource reports whether a revision is made of what makes up the present one.
func (d *TemplateDecision) sameSource(revision string) bool {
	find := func(name string) *appsv1.ControllerRevision {
		if d.Keep != nil && d.Keep.Name == name {
			return d.Keep
		}
		for _, kept := range d.world.Revisions {
			if kept.Name == name {
				return kept.ControllerRevision
			}
		}
		return nil
	}
	other, present := find(revision), find(currentRevision(d.status))
	return other != nil && present != nil && workload.SameSource(other, present)
}

// collect chooses the revisions that no carrel has used for a while, except the
// present one.
func (d *TemplateDecision) collect() {
	for _, kept := range d.world.Revisions {
		if kept.UnusedSince.IsZero() || kept.Name == currentRevision(d.status) {
			continue
		}
		if due := kept.UnusedSince.Add(unusedFor); due.After(d.world.Now) {
			d.soon(due)
		} else {
			d.Remove = append(d.Remove, kept.ControllerRevision)
		}
	}
}

// soon makes Next return a moment unless it is zero or later than another.
func (d *TemplateDecision) soon(moment time.Time) { d.next = earlier(d.next, moment) }

// Failed reports whether something failed that is tried again.
func (d TemplateDecision) Failed() bool { return d.problem != nil }

// FailedNow reports whether something was tried now, and failed.
func (d TemplateDecision) FailedNow() bool {
	return d.problem != nil && (d.written || d.world.Trial.At.Equal(d.world.Now))
}

// Unavailable returns why the API server did not answer what it was asked now; nil
// if it did.
func (d TemplateDecision) Unavailable() error {
	if !d.FailedNow() || d.problem.Cause != health.Unavailable {
		return nil
	}
	return errors.New(d.problem.Message)
}

// Next returns when the Template has to be reconciled again though nothing
// happens; zero: never.
func (d TemplateDecision) Next() time.Time { return d.next }
