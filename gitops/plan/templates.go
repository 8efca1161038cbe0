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

// TemplateChange is a Template that is added, removed or changed.
type TemplateChange struct {
	Name string `json:"name"`
	// Kind is added, removed or changed.
	Kind string `json:"kind"`
	// Changes are the changed fields of the spec, if Kind is changed.
	Changes []FieldChange `json:"changes,omitempty"`
	// Carrels counts the enabled carrels with this Template after the change, or
	// before it if the Template is removed.
	Carrels int `json:"carrels"`
	// Restart says when running carrels restart.
	Restart Restart `json:"restart"`
	// AtOnce is the number or percentage of carrels that may be down together, as
	// the Template sets it. It is empty unless Restart is Now.
	AtOnce string `json:"atOnce,omitempty"`
}

// Restart is the moment at which running carrels take the edit of a Template.
type Restart string

// The moments at which running carrels take an edit.
const (
	// Never means that the edit needs no restart.
	Never Restart = "never"
	// NextStart means that each carrel takes the edit when it next starts.
	NextStart Restart = "next start"
	// Now means that one carrel restarts first, then several at a time.
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

// restart returns what the rollout of an edit does. Volume sizes, retention, idling
// and the rollout settings are not part of a carrel's blueprint, so editing them
// restarts nobody.
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

// following counts the enabled seats with the Template.
func (s *seats) following(template string) (n int) {
	for _, seat := range s.by {
		if seat.Enabled && seat.Template == template {
			n++
		}
	}
	return n
}

// all counts the seats with the Template.
func (s *seats) all(template string) (n int) {
	for _, seat := range s.by {
		if seat.Template == template {
			n++
		}
	}
	return n
}

// effect describes when the carrels of the Template restart.
func (c TemplateChange) effect() string {
	switch {
	case c.Kind == "removed" && c.Carrels > 0:
		return fmt.Sprintf("%s used it: those that run keep running, and none can be created again", carrels(c.Carrels))
	case c.Kind != "changed":
		return carrels(c.Carrels) + " use it"
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

// maxUnavailable returns how many carrels an immediate rollout may stop at once, as
// a number or a percentage.
func maxUnavailable(t *v1alpha1.Template) string {
	if t.Spec.Rollout.MaxUnavailable == nil {
		return "10%"
	}
	return intstr.ValueOrDefault(t.Spec.Rollout.MaxUnavailable, intstr.FromString("10%")).String()
}
