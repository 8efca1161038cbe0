package lifecycle

import (
	"fmt"
	"net"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

const (
	// unknownIdle is how recent activity must be to wake a carrel whose Template
	// is gone.
	unknownIdle = time.Hour
	// answerCounts is how long an answer of a carrel's software counts.
	answerCounts = 30 * time.Second
)

// present decides whether the carrel is to run: by what the spec, the timetable
// and people ask for, then by what its own software answers, then by its turn.
func (w World) present(facts PresenceFacts) Decision {
	d := Decision{Presence: DecidePresence(facts)}
	if d.Presence.Idle && w.Runs() {
		facts, d.Ask, d.notice = w.consult(facts)
		d.Presence = DecidePresence(facts)
	}
	switch {
	case d.Presence.Presence != health.Running:
	case !w.Runs() && w.Turn.Bounded && !w.Turn.Granted:
		d.Presence = d.Presence.Queue(facts, w.Turn.Next)
	case w.restartsForRollout():
		d.Presence.LastStart = w.rolloutStart(d.Presence.LastStart)
	}
	return d
}

func (w World) presenceFacts() PresenceFacts {
	return PresenceFacts{
		Enabled: w.Userland.Enabled(), Timetable: w.Session, Idle: w.idle(), Running: w.Runs(), Status: w.Userland.Status, Now: w.Now,
	}
}

// idle returns when the carrel is stopped for idleness; nil: never. Without a
// Template, a carrel that runs goes on, and one that sleeps is woken by recent
// activity only.
func (w World) idle() *v1alpha1.Idle {
	switch {
	case w.Template != nil:
		return w.Template.Spec.Idle
	case w.Runs():
		return nil
	default:
		return &v1alpha1.Idle{After: metav1.Duration{Duration: unknownIdle}}
	}
}

// consult adds what the software of a carrel says that is about to be stopped for
// idleness. If it has not answered lately, it is to be asked at the URL. If it
// can't answer, the notice says so.
func (w World) consult(f PresenceFacts) (facts PresenceFacts, ask, notice string) {
	url := w.probeURL(f.Idle.Probe)
	switch {
	case url == "":
	case w.Probe.AskedAt.Before(SleepAt(f)) || w.Now.Sub(w.Probe.AskedAt) >= answerCounts:
		f.Unanswered, ask = true, url
	case w.Probe.Failure != "":
		f.Unanswered = true
		notice = fmt.Sprintf("; it is not stopped for idleness, because its idle probe fails: %s", w.Probe.Failure)
	default:
		f.Probed = w.Probe.LastActivity
	}
	return f, ask, notice
}

// probeURL returns where the software of the carrel answers; empty if it has no
// probe, or no pod that could answer.
func (w World) probeURL(probe *v1alpha1.IdleProbe) string {
	current, known := w.Revisions[CurrentRevision(w.Deployment)]
	pod := health.Newest(w.Pods)
	if probe == nil || !known || pod == nil || pod.Status.PodIP == "" {
		return ""
	}
	port, found := workload.Port(current.Blueprint.Service, probe.Port)
	if !found {
		return ""
	}
	return "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(workload.TargetPort(port)))) + probe.Path
}

// restartsForRollout reports whether a roll-out restarts a carrel that runs, now.
func (w World) restartsForRollout() bool {
	latest := LatestRevision(w.Template)
	_, known := w.Revisions[latest]
	return w.mayRollOut() && w.Runs() && known && CurrentRevision(w.Deployment) != latest
}

// rolloutStart counts the restart for a roll-out as a start. It tells carrels that
// fail because of the revision from those that failed before it came.
func (w World) rolloutStart(lastStart *metav1.Time) *metav1.Time {
	if since := w.Template.Status.Revision.Since; lastStart.Before(&since) {
		return stamp(w.Now)
	}
	return lastStart
}
