package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// observed adds the facts of the World, in the order in which they decide.
func (e *explanation) observed() {
	e.row("suspended", "%s", yesNo(e.Course.Spec.Suspend))
	e.row("enabled", "%s", yesNo(e.Userland.Enabled()))
	e.madeOf()
	e.session()
	e.use()
	e.requests()
	e.queue()
	e.workload()
	e.claims()
}

// madeOf adds the Template and its revisions.
func (e *explanation) madeOf() {
	switch name := e.TemplateName(); {
	case name == "":
		e.row("template", "none is named")
	case e.Template == nil:
		e.row("template", "%s, which does not exist", name)
	default:
		e.row("template", "%s", name)
	}
	if trouble := e.templateTrouble(); trouble != nil {
		e.row("", "%s", trouble.Message)
	}
	e.revisionRow("latest", LatestRevision(e.Template))
	e.revisionRow("in use", CurrentRevision(e.Deployment))
	e.revisionRow("seen running", ProvenRevision(e.Userland))
}

func (e *explanation) revisionRow(name, revision string) {
	_, exists := e.Revisions[revision]
	switch {
	case revision == "":
		e.row(name, "no revision")
	case !exists:
		e.row(name, "revision %s, which does not exist", revision)
	default:
		e.row(name, "revision %s", revision)
	}
}

// session adds what the timetable says.
func (e *explanation) session() {
	text := "none now"
	switch {
	case e.Course.Spec.Timetable == nil:
		text = "the Course has no timetable"
	case e.Session.InSession():
		text = "now; carrels are started for it from " + moment(e.Session.Since) + " on"
	case e.Session.Over:
		text = "the term is over"
	}
	if !e.Session.Next.IsZero() {
		text += "; the timetable changes at " + moment(e.Session.Next)
	}
	e.row("session", "%s", text)
}

// use adds when the carrel was used last, and when it is stopped for idleness.
func (e *explanation) use() {
	status, f := e.Userland.Status, e.presenceFacts()
	e.row("last activity", "%s", optional(status.LastActivityTime))
	e.row("last start", "%s", optional(status.LastStartTime))
	switch {
	case f.Idle == nil:
		e.row("idle", "the carrel is not stopped for idleness")
	case !f.Running:
		e.row("idle", "after %s without use; it is stopped already", f.Idle.After.Duration)
	case f.Timetable.InSession():
		e.row("idle", "after %s without use, but not during a session", f.Idle.After.Duration)
	default:
		e.row("idle", "after %s without use, which is at %s", f.Idle.After.Duration, moment(SleepAt(f)))
	}
}

func optional(t *metav1.Time) string {
	if t == nil {
		return moment(time.Time{})
	}
	return moment(t.Time)
}

// requests adds what people asked for and whether it was done.
func (e *explanation) requests() {
	asked, handled := ptr.Deref(e.Userland.Status.Requests, v1alpha1.Requests{}), ptr.Deref(e.Userland.Status.Handled, v1alpha1.HandledRequests{})
	for _, request := range []struct {
		name        string
		at, handled *metav1.Time
	}{
		{"restartAt", asked.RestartAt, handled.RestartAt},
		{"stopAt", asked.StopAt, handled.StopAt},
		{"resetAt", asked.ResetAt, handled.ResetAt},
	} {
		switch {
		case request.at == nil:
		case request.handled != nil && !request.at.After(request.handled.Time):
			e.row(request.name, "%s, handled", moment(request.at.Time))
		default:
			e.row(request.name, "%s, not handled", moment(request.at.Time))
		}
	}
	if asked.KeepUntil != nil {
		e.row("keepUntil", "%s", moment(asked.KeepUntil.Time))
	}
}

func (e *explanation) queue() {
	limit := e.Course.Spec.MaxStarting
	if limit == nil {
		e.row("queue", "the Course has none")
		return
	}
	text := fmt.Sprintf("at most %d carrels of the course start at once", *limit)
	if since := e.Userland.Status.QueuedSince; since != nil {
		text += "; this one waits since " + moment(since.Time)
	}
	e.row("queue", "%s", text)
}

// workload adds the Deployment and its pods.
func (e *explanation) workload() {
	if e.Deployment == nil {
		e.row("deployment", "none")
	} else {
		e.row("deployment", "%s: %d of %d replicas ready", e.Deployment.Name, e.Deployment.Status.ReadyReplicas, ptr.Deref(e.Deployment.Spec.Replicas, 1))
	}
	if len(e.Pods) == 0 {
		e.row("pod", "none")
	}
	for i := range e.Pods {
		e.row("pod", "%s", describePod(&e.Pods[i]))
	}
}

func describePod(pod *corev1.Pod) string {
	ready, restarts := 0, int32(0)
	var troubles []string
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		restarts += status.RestartCount
		if status.State.Waiting != nil && status.State.Waiting.Reason != "" {
			troubles = append(troubles, fmt.Sprintf("; container %s waits: %s", status.Name, status.State.Waiting.Reason))
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.Ready {
			ready++
		}
	}
	text := fmt.Sprintf("%s: %s, %d of %d containers ready, %d restarts", pod.Name, pod.Status.Phase, ready, len(pod.Spec.Containers), restarts)
	if pod.DeletionTimestamp != nil {
		text += ", ending"
	}
	return text + strings.Join(troubles, "")
}

// claims adds the volumes: those that exist, and those that are to be made.
func (e *explanation) claims() {
	volumes := map[string]string{}
	for volume, claim := range Mounted(e.Deployment) {
		volumes[claim] = volume
	}
	for i := range e.Volumes.Claims {
		claim := &e.Volumes.Claims[i]
		text := fmt.Sprintf("claim %s: %s, %s", claim.Name, claim.Status.Phase, claim.Spec.Resources.Requests.Storage())
		if volume, mounted := volumes[claim.Name]; mounted {
			text += fmt.Sprintf(", mounted as %q", volume)
		} else {
			text += ", not mounted"
		}
		e.row("volume", "%s", text)
	}
	for _, used := range e.decision.Objects.Volumes.Used {
		if used.Claim == nil {
			e.row("volume", "claim %s: to be created for %q", used.Name, used.Volume.Name)
		}
	}
	if len(e.Volumes.Claims)+len(e.decision.Objects.Volumes.Used) == 0 {
		e.row("volume", "none")
	}
}
