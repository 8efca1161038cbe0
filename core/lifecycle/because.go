package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/core/health"
)

// A Fact is one of the facts that made a decision what it is.
type Fact struct {
	Name  string
	Value any
}

// String returns the fact as name=value.
func (f Fact) String() string { return fmt.Sprintf("%s=%v", f.Name, f.Value) }

// Facts returns what there is to log about a decision: the states before and after
// it, the facts that made the difference, and when to look again.
func (d Decision) Facts(w World) []Fact {
	facts := []Fact{{"from", w.Userland.Status.State}, {"to", d.Status.State}}
	if conditions := d.Status.Conditions; len(conditions) > 0 {
		facts = append(facts, Fact{"reason", conditions[0].Reason})
	}
	facts = append(facts, d.Because...)
	if !d.Next.IsZero() {
		facts = append(facts, Fact{"next", d.Next.UTC().Format(time.RFC3339)})
	}
	return facts
}

// because returns the facts that made the difference: why the carrel is to run or
// not, then what it is made of, then what went wrong.
func (w World) because(d Decision) []Fact {
	facts := w.becausePresence(d.Presence)
	if d.Plan != nil && d.Plan.Revision != CurrentRevision(w.Deployment) {
		facts = append(facts, Fact{"revision", d.Plan.Revision})
	}
	if d.Plan != nil && w.Granted {
		facts = append(facts, Fact{"rolloutGranted", true})
	}
	if d.Ask != "" {
		facts = append(facts, Fact{"askedForLastUse", d.Ask})
	}
	if w.Probe.Failure != "" && d.notice != "" {
		facts = append(facts, Fact{"idleProbeFails", w.Probe.Failure})
	}
	if d.Problem != nil {
		facts = append(facts, Fact{"problem", d.Problem.Cause}, Fact{"message", d.Problem.Message})
	}
	return facts
}

func (w World) becausePresence(p PresenceDecision) (facts []Fact) {
	add := func(name string, value any) { facts = append(facts, Fact{name, value}) }
	at := func(name string, t *metav1.Time) {
		if t != nil {
			add(name, t.UTC().Format(time.RFC3339))
		}
	}
	status, f := w.Userland.Status, w.presenceFacts()
	switch p.Presence {
	case health.Disabled:
		add("enabled", false)
		return facts
	case health.Over:
		add("termOver", true)
		return facts
	case health.Queued:
		at("queuedSince", p.QueuedSince)
		return facts
	}
	at("lastActivity", status.LastActivityTime)
	at("lastStart", status.LastStartTime)
	switch {
	case f.Timetable.InSession():
		add("sessionSince", f.Timetable.Since.UTC().Format(time.RFC3339))
	case f.Idle != nil:
		add("idleAfter", f.Idle.After.Duration)
	}
	if p.Presence == health.Asleep && !p.Idle && p.Handled != nil {
		at("stopAt", p.Handled.StopAt)
	}
	if p.Restart && p.Handled != nil {
		at("restartAt", restartedAt(p.Handled))
	}
	if status.Requests != nil {
		at("keepUntil", status.Requests.KeepUntil)
	}
	return facts
}
