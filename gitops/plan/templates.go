package plan

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// TemplateChange is a Template that comes, goes or changes.
type TemplateChange struct {
	Name string `json:"name"`
	// Kind is added, removed or changed.
	Kind string `json:"kind"`
	// Changes are the fields of its spec, for one that changes.
	Changes []Change `json:"changes,omitempty"`
	// Carrels is how many enabled ones follow it, after the change.
	Carrels int `json:"carrels"`
	// Restart says whose carrel restarts when.
	Restart Restart `json:"restart"`
	// AtOnce is how many may be down together for a restart now, as the Template
	// says it: a number or a percentage.
	AtOnce string `json:"atOnce,omitempty"`
}

// Restart says when carrels that run take a Template's edit.
type Restart string

// What becomes of carrels that run.
const (
	// Never: what changes needs no restart.
	Never Restart = "never"
	// NextStart: each when it next starts.
	NextStart Restart = "next start"
	// Now: one first, then some at a time.
	Now Restart = "now"
)

func compareTemplates(before, after map[string]*v1alpha1.Template, was, is seats) []TemplateChange {
	names := map[string]bool{}
	maps.Insert(names, have(before))
	maps.Insert(names, have(after))
	var changes []TemplateChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		former, present := before[name], after[name]
		change := TemplateChange{Name: name, Carrels: is.following(name), Restart: Never}
		switch {
		case former == nil:
			change.Kind = "added"
		case present == nil:
			change.Kind, change.Carrels = "removed", was.following(name)
		case equality.Semantic.DeepEqual(former.Spec, present.Spec):
			continue
		default:
			change.Kind, change.Changes = "changed", compare(former.Spec, present.Spec)
			change.Restart = restart(former, present)
			if change.Restart == Now {
				change.AtOnce = maxUnavailable(present)
			}
		}
		changes = append(changes, change)
	}
	return changes
}

func have(templates map[string]*v1alpha1.Template) func(yield func(string, bool) bool) {
	return func(yield func(string, bool) bool) {
		for name := range templates {
			if !yield(name, true) {
				return
			}
		}
	}
}

// restart is what the roll-out of an edit does: sizes, retention, idling and the
// roll-out's own settings are no part of what carrels are made of.
func restart(former, present *v1alpha1.Template) Restart {
	switch {
	case equality.Semantic.DeepEqual(workload.NewBlueprint(former), workload.NewBlueprint(present)):
		return Never
	case present.Spec.Rollout.When == v1alpha1.RolloutImmediate:
		return Now
	default:
		return NextStart
	}
}

// following is how many enabled seats follow a Template.
func (s *seats) following(template string) (n int) {
	for _, seat := range s.by {
		if seat.Enabled && seat.Template == template {
			n++
		}
	}
	return n
}

// words say whose carrel restarts when.
func (c TemplateChange) words() string {
	switch {
	case c.Kind == "removed" && c.Carrels > 0:
		return fmt.Sprintf("%s followed it: those that run go on, and none of them can be made anew", carrels(c.Carrels))
	case c.Kind != "changed":
		return carrels(c.Carrels) + " follow it"
	case c.Restart == Now:
		return carrels(c.Carrels) + " restart now if they run: one first, then at most " + c.AtOnce + " at once"
	case c.Restart == NextStart:
		return carrels(c.Carrels) + " take it when they next start; nobody is restarted"
	default:
		return "no carrel restarts"
	}
}

func carrels(n int) string {
	if n == 1 {
		return "1 carrel"
	}
	return fmt.Sprintf("%d carrels", n)
}

// maxUnavailable is how many may be down at once in an immediate roll-out.
func maxUnavailable(t *v1alpha1.Template) string {
	if t.Spec.Rollout.MaxUnavailable == nil {
		return "10%"
	}
	return intstr.ValueOrDefault(t.Spec.Rollout.MaxUnavailable, intstr.FromString("10%")).String()
}
