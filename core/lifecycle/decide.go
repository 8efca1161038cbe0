package lifecycle

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

// Decide returns what to do about a carrel. The status it decides is the one that
// holds if every write succeeds and changes nothing; Conclude returns the one that
// holds after the writes.
func Decide(w World) Decision {
	if w.Course.Spec.Suspend {
		return w.unchanged("suspend", true)
	}
	facts := w.presenceFacts()
	d := w.present(facts)
	revision, known := w.revision(d.Presence)
	if !known {
		facts.Unmakeable = true
		d = w.present(facts)
		revision, known = w.revision(d.Presence)
	}
	switch {
	case known && w.unopened(d.Presence):
		d = w.reserve(d, revision)
	case known:
		d = w.build(d, revision)
	case w.Deployment != nil:
		d.Objects.Replicas = replicas(w, d.Presence.Presence == health.Running)
	default:
		return w.withNothing(d)
	}
	return Conclude(w, d, Outcome{Deployment: w.Deployment, Claims: d.Objects.Volumes.Existing()})
}

// unchanged decides that nothing is touched and nothing is written.
func (w World) unchanged(name string, value any) Decision {
	return Decision{Status: Recorded(w.Userland.Status), Because: []Fact{{name, value}}, final: true}
}

// Unobserved returns the decision about a carrel whose World could not be read:
// nothing is touched, and the status says why. Of the World, only the Userland and
// the time have to be there.
func Unobserved(w World, err error) Decision {
	d := w.unchanged("unobserved", err)
	problem := health.Classify(err)
	d.Problem, d.Next = &problem, w.Now.Add(problem.Retry)
	verdict := health.Verdict{Reason: problem.Reason, Message: problem.Message}
	d.Status.Conditions = append(health.ConditionsOf(w.Userland.Status.Conditions, verdict, d.Status.ObservedGeneration, w.Now),
		pendingCondition(w.Userland.Status)...)
	return d
}

// build decides what a carrel is made of, given its revision.
func (w World) build(d Decision, r Revision) Decision {
	d.Plan = w.plan(d.Presence, r)
	d.address = d.Plan.Address()
	d.Objects.Volumes, d.Obstacle = w.attach(r, d.Presence.Reset)
	if d.Obstacle != nil {
		return d
	}
	d.Plan.Claims = d.Objects.Volumes.Names()
	d.Objects.Deployment, d.Obstacle = workload.Deployment(*d.Plan)
	d.Objects.Service, d.Objects.Obsolete = w.service(*d.Plan)
	return d
}

func (w World) plan(p PresenceDecision, r Revision) *workload.Plan {
	return &workload.Plan{
		Userland: w.Userland, Template: r.Labels[v1alpha1.TemplateLabel], Revision: r.Name, Blueprint: r.Blueprint,
		Run: p.Presence == health.Running, RestartedAt: restartedAt(p.Handled),
	}
}

// service returns the Service of a carrel, and those of its Services that have to
// be deleted before.
func (w World) service(p workload.Plan) (wanted *corev1ac.ServiceApplyConfiguration, obsolete []*corev1.Service) {
	for i := range w.Services {
		if service := &w.Services[i]; metav1.IsControlledBy(service, w.Userland) && workload.ServiceMustGo(service, p) {
			obsolete = append(obsolete, service)
		}
	}
	return workload.Service(p), obsolete
}

// described returns the volumes of these names as the Template describes them. Of
// one that the Template no longer has, only the name is known.
func (w World) described(names []string) []v1alpha1.Volume {
	byName := map[string]v1alpha1.Volume{}
	if w.Template != nil {
		for _, v := range w.Template.Spec.Volumes {
			byName[v.Name] = v
		}
	}
	volumes := make([]v1alpha1.Volume, 0, len(names))
	for _, name := range names {
		v, known := byName[name]
		if !known {
			v = v1alpha1.Volume{Name: name}
		}
		volumes = append(volumes, v)
	}
	return volumes
}

// restartedAt returns when a person last asked for a new pod; nil: never.
func restartedAt(handled *v1alpha1.HandledRequests) *metav1.Time {
	switch {
	case handled == nil:
		return nil
	case handled.RestartAt.Before(handled.ResetAt):
		return handled.ResetAt
	default:
		return handled.RestartAt
	}
}

// replicas returns the number of replicas that starts or stops a Deployment; nil
// if it has that number.
func replicas(w World, run bool) *int32 {
	want := int32(0)
	if run {
		want = 1
	}
	if ptr.Deref(w.Deployment.Spec.Replicas, 1) == want {
		return nil
	}
	return &want
}

// withNothing decides about a carrel that has no Deployment and can have none,
// because no revision to make it of is known.
func (w World) withNothing(d Decision) Decision {
	trouble := w.templateTrouble()
	if trouble == nil {
		pending, until := w.revisionPending()
		if w.Now.Before(until) {
			d := w.unchanged("revisionPending", w.TemplateName())
			d.Next = until
			return d
		}
		trouble = pending
	}
	d.Presence.LastStart, d.Presence.IdleFrom, d.Presence.QueuedSince = nil, nil, nil
	d.final = true
	return w.report(d, Outcome{}, *trouble)
}
