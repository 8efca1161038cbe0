// Package plan says what a merge request does to people: who comes and goes,
// whose carrel restarts, what is kept, and what the class needs. It compares a
// course at two commits and is pure: the time is an argument.
package plan

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Class is a course as a commit has it.
type Class struct {
	// Course is nil where the commit has no such course.
	Course *v1alpha1.Course
	// Templates are those of the course's namespace.
	Templates []v1alpha1.Template
	// Userlands are the students that have files of their own.
	Userlands []v1alpha1.Userland
	// Rosters are the files of the ConfigMaps that the Course names.
	Rosters []roster.File
	// Quotas are those of the course's namespace.
	Quotas []corev1.ResourceQuota
	// Limits are the LimitRanges there: what containers are given that ask for
	// nothing themselves.
	Limits []corev1.LimitRange
}

// Plan is what changes from one commit to another.
type Plan struct {
	// Course is the name.
	Course string `json:"course"`
	// Problems keep the change from being brought about: nothing else of it
	// happens until they are gone.
	Problems []string `json:"problems,omitempty"`
	// Held are removals that the guard stops.
	Held []Held `json:"held,omitempty"`
	// New and Ended are set for a course that comes, or goes.
	New   bool `json:"new,omitempty"`
	Ended bool `json:"ended,omitempty"`
	// Total is how many carrels the class has after the change.
	Total int `json:"total"`

	Added       []Seat      `json:"added,omitempty"`
	Removed     []Removal   `json:"removed,omitempty"`
	Moved       []Move      `json:"moved,omitempty"`
	Disabled    []Seat      `json:"disabled,omitempty"`
	Enabled     []Seat      `json:"enabled,omitempty"`
	Resectioned []Resection `json:"resectioned,omitempty"`
	// Unnamed are those that Naming took out of these lists.
	Unnamed Unnamed `json:"unnamed,omitzero"`

	// Templates are those that change.
	Templates []TemplateChange `json:"templates,omitempty"`
	// Settings are what else changes of the Course.
	Settings []Change `json:"settings,omitempty"`
	// Need is what the class takes at its fullest.
	Need Need `json:"need"`
	// Present is what a cluster has at this moment; nil: it was not asked.
	Present *Present `json:"present,omitempty"`
}

// Changes reports whether the plan has any effect on people or the course.
func (p Plan) Changes() bool {
	return p.Unnamed != Unnamed{} || len(p.Problems)+len(p.Held)+len(p.Added)+len(p.Removed)+len(p.Moved)+len(p.Disabled)+
		len(p.Enabled)+len(p.Resectioned)+len(p.Templates)+len(p.Settings) > 0
}

// Unconfirmed reports whether a removal over the guard lacks its confirmation.
func (p Plan) Unconfirmed() bool { return len(p.Held) > 0 }

// Compare says what merging does to a course at a time. A class without a Course
// is empty; at least one of the two has one.
func Compare(name string, before, after Class, now time.Time) Plan {
	p := Plan{Course: name, New: before.Course == nil && after.Course != nil, Ended: before.Course != nil && after.Course == nil}
	was, is := seatsOf(name, before), seatsOf(name, after)
	if len(is.problems) > 0 {
		p.Problems = is.problems
		p.Total = len(was.by)
		return p
	}
	p.Total = len(is.by)
	p.people(was, is, before.templates(), now)
	p.Held = held(was, is)
	if p.Ended {
		// That says it all.
		return p
	}
	p.Templates = compareTemplates(before.templates(), after.templates(), was, is)
	if !p.New {
		p.Settings = compareSettings(before.Course.Spec, after.Course.Spec)
	}
	p.Need = needs(was, is, before, after)
	return p
}

func (c Class) templates() map[string]*v1alpha1.Template {
	by := make(map[string]*v1alpha1.Template, len(c.Templates))
	for i := range c.Templates {
		by[c.Templates[i].Name] = &c.Templates[i]
	}
	return by
}
