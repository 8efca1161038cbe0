package lifecycle

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// Explain returns a text for maintainers about one carrel: what its status records,
// what the World holds, what is decided about it, and what only the controller could
// add. The World must have been read by a program other than the controller, which
// has no grants of a roll-out and no answers of probes.
func Explain(w World, d Decision) string {
	e := &explanation{World: w, decision: d}
	e.printf("Carrel %s of %s in course %s, at %s\n", w.Userland.Name, w.Userland.User(), w.Userland.Namespace, moment(w.Now))
	e.heading("Its status records")
	e.recorded()
	e.heading("The cluster has")
	e.observed()
	e.heading("The controller decides")
	if w.Userland.DeletionTimestamp != nil {
		e.row("decision", "nothing: the Userland is being deleted, and its volumes are released once it is gone")
		return e.String()
	}
	e.decided()
	if unknown := e.unknown(); len(unknown) > 0 {
		e.heading("Not known outside the controller")
		for _, line := range unknown {
			e.printf("  - %s\n", line)
		}
	}
	return e.String()
}

// explanation is a text under construction.
type explanation struct {
	World
	decision Decision
	strings.Builder
}

func (e *explanation) printf(format string, arguments ...any) { fmt.Fprintf(e, format, arguments...) }

func (e *explanation) heading(text string) { e.printf("\n%s\n", text) }

// row adds a line with a name before it.
func (e *explanation) row(name, format string, arguments ...any) {
	e.printf("  %-14s%s\n", name, fmt.Sprintf(format, arguments...))
}

// moment returns a time as people read it.
func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// recorded adds what the controller wrote into the status.
func (e *explanation) recorded() {
	status := e.Userland.Status
	if status.ObservedGeneration != e.Userland.Generation {
		e.row("generation", "%d is recorded, and the Userland has %d: the controller has not recorded the last edit", status.ObservedGeneration, e.Userland.Generation)
	}
	if status.State == "" {
		e.row("state", "none: the controller has not looked at the Userland")
		return
	}
	e.row("state", "%s", status.State)
	ready := ""
	for _, condition := range status.Conditions {
		text := fmt.Sprintf("%s since %s, %s", condition.Status, moment(condition.LastTransitionTime.Time), condition.Reason)
		if condition.Message != "" && condition.Message != ready {
			text += ": " + condition.Message
		}
		if condition.Type == v1alpha1.ReadyCondition {
			ready = condition.Message
		}
		e.row(condition.Type, "%s", text)
	}
}

// decided adds the decision and when the next one is made.
func (e *explanation) decided() {
	d := e.decision
	e.row("decision", "%s", e.verdict())
	var facts []string
	for _, fact := range d.Facts(e.World) {
		value := fmt.Sprint(fact.Value)
		if strings.ContainsAny(value, " \t\n\"") {
			value = strconv.Quote(value)
		}
		facts = append(facts, Fact{fact.Name, value}.String())
	}
	e.row("log line", "%s", strings.Join(facts, " "))
	switch ready := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ReadyCondition); {
	case !d.Writes(e.World):
		e.row("status", "stays as it is recorded")
	case ready == nil:
		e.row("status", "%s; the controller has not recorded this", d.Status.State)
	default:
		e.row("status", "%s, Ready %s, %s: %s; the controller has not recorded this", d.Status.State, ready.Status, ready.Reason, ready.Message)
	}
	switch {
	case d.Next.IsZero():
		e.row("next look", "when one of these objects changes; no time is set")
	case d.Next.After(e.Now):
		e.row("next look", "%s, in %s; earlier if one of these objects changes", moment(d.Next), d.Next.Sub(e.Now).Round(time.Second))
	default:
		e.row("next look", "at once")
	}
}

// verdict returns what is done about the carrel, in words.
func (e *explanation) verdict() string {
	d, runs := e.decision, e.Runs()
	switch {
	case e.Course.Spec.Suspend:
		return "nothing is touched, because the Course is suspended"
	case d.Problem != nil:
		return fmt.Sprintf("the objects of the carrel can't be written: %s", d.Problem.Message)
	case d.Unopened:
		return e.presence(runs) + "; nothing is made for it before its first start"
	case d.Plan == nil && e.Deployment == nil:
		return "no Deployment is made, because there is no revision of a Template to make it of"
	default:
		return e.presence(runs)
	}
}

// presence returns whether the carrel is to run, and why, in words.
func (e *explanation) presence(runs bool) string {
	d := e.decision
	switch d.Presence.Presence {
	case health.Running:
		return e.running(runs)
	case health.Queued:
		return "the carrel waits in the queue of its course to be started"
	case health.Disabled:
		return stopped(runs, "spec.enabled is false")
	case health.Over:
		return stopped(runs, "the term is over")
	default:
		if d.Presence.Idle {
			return stopped(runs, "nobody used it for as long as its Template allows")
		}
		return stopped(runs, "a person asked for that")
	}
}

func stopped(runs bool, because string) string {
	if runs {
		return "the carrel is stopped: " + because
	}
	return "the carrel stays stopped: " + because
}

func (e *explanation) running(runs bool) string {
	d := e.decision
	switch {
	case !runs && d.Plan == nil:
		return "the carrel is started as it was"
	case !runs:
		return "the carrel is started with revision " + d.Plan.Revision
	case d.Presence.Restart:
		return "the carrel is restarted, because a person asked for that"
	case d.Plan != nil && d.Plan.Revision != CurrentRevision(e.Deployment):
		return "the carrel is restarted with revision " + d.Plan.Revision
	case d.Ask != "":
		return "the carrel runs on until its software has said when it was last used"
	default:
		return "the carrel runs on"
	}
}

// unknown returns what the decision of the controller also rests on, and is in its
// memory only.
func (e *explanation) unknown() (lines []string) {
	d := e.decision
	wanted := d.Presence.Presence == health.Running || d.Presence.Presence == health.Queued
	if e.Turn.Bounded && !e.Runs() && wanted {
		lines = append(lines, "Whether it is the carrel's turn in the queue. The decision above goes by the statuses of the course, as after a restart of the controller.")
	}
	if d.Plan != nil && d.Plan.Run && e.rolling(d.Plan.Revision) {
		lines = append(lines, "Whether the roll-out lets the carrel restart now. The decision above assumes that it does not.")
	}
	if d.Ask != "" {
		lines = append(lines, fmt.Sprintf("What the carrel's software answers at %s. The controller asks it before it stops the carrel.", d.Ask))
	}
	switch reason := readyReason(e.Userland.Status); reason {
	case v1alpha1.ApplyRefusedReason, v1alpha1.APIServerUnavailableReason, v1alpha1.ConflictReason:
		if d.Problem == nil {
			lines = append(lines, fmt.Sprintf("Whether the request for which the status says %s fails again, and when it is tried next, at the latest after %s. The decision above assumes that every write succeeds.", reason, health.RetryLast))
		}
	}
	return lines
}
