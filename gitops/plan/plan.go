// Package plan describes what a merge request does to people: who is added and
// removed, whose carrel restarts, what is kept, and what the class needs. It
// compares a course at two commits. It is pure: the time is an argument.
package plan

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gitops/class"
)

// Class is a course at one commit, with its past.
type Class struct {
	class.Class
	// Past are the versions of the course that the guard still counts, oldest first;
	// the last one is the class itself. If it is empty, a change is judged alone.
	Past []Version
	// Left are the carrels that were removed before, oldest first, as far as git was
	// asked.
	Left []Departure
}

// Version is a course at a commit of the past.
type Version struct {
	Class class.Class
	// At is the time of the commit.
	At time.Time
}

// Plan is the effect of a change from one commit to another on one course.
type Plan struct {
	// Course is the name of the course.
	Course string `json:"course"`
	// Problems are errors in the new commit. While there are any, nothing else of
	// the change happens.
	Problems []string `json:"problems,omitempty"`
	// Held are removals that the guard stops.
	Held []Held `json:"held,omitempty"`
	// Counted is what the guard counts of the rows. It is nil if no row is removed.
	Counted *Counted `json:"counted,omitempty"`
	// New is true for a course that is created, and Ended for one that is removed.
	New   bool `json:"new,omitempty"`
	Ended bool `json:"ended,omitempty"`
	// Total is the number of carrels after the change.
	Total int `json:"total"`

	Added     []class.Student `json:"added,omitempty"`
	Removed   []Removal       `json:"removed,omitempty"`
	Moved     []Move          `json:"moved,omitempty"`
	Disabled  []class.Student `json:"disabled,omitempty"`
	Enabled   []class.Student `json:"enabled,omitempty"`
	Regrouped []Regrouping    `json:"regrouped,omitempty"`
	// Respelled are students whose login is corrected in upper and lower case.
	Respelled []Respelling `json:"respelled,omitempty"`
	// Typos are pairs of a student in Added and one in Removed who are probably one person.
	Typos []Typo `json:"typos,omitempty"`
	// Returns tells of the students in Added who were in the course before.
	Returns []Return `json:"returns,omitempty"`
	// Unnamed counts the students that Naming removed from these lists.
	Unnamed Unnamed `json:"unnamed,omitzero"`

	// Templates are the Templates that are added, removed or changed.
	Templates []TemplateChange `json:"templates,omitempty"`
	// Settings are the other changes of the Course.
	Settings []FieldChange `json:"settings,omitempty"`
	// Need is the peak demand of the class.
	Need Need `json:"need"`
	// Present is the state of the cluster at this moment. It is nil if no cluster
	// was asked.
	Present *Present `json:"present,omitempty"`
}

// Changes reports whether the plan has any effect on people or the course.
func (p Plan) Changes() bool {
	return p.Unnamed != Unnamed{} || len(p.Problems)+len(p.Held)+len(p.Added)+len(p.Removed)+len(p.Moved)+len(p.Disabled)+
		len(p.Enabled)+len(p.Regrouped)+len(p.Respelled)+len(p.Templates)+len(p.Settings) > 0
}

// Unconfirmed reports whether a removal over the guard lacks its confirmation.
func (p Plan) Unconfirmed() bool { return len(p.Held) > 0 }

// Compare returns the effect of merging at the time now on the course called name.
// A class without a Course is empty; at least one of the two must have one.
func Compare(name string, before, after Class, now time.Time) Plan {
	p := Plan{Course: name, New: before.Course == nil && after.Course != nil, Ended: before.Course != nil && after.Course == nil}
	was, is := seatsOf(name, before.Class), seatsOf(name, after.Class)
	if len(is.problems) > 0 {
		p.Problems = is.problems
		p.Total = len(was.by)
		return p
	}
	p.Total = len(is.by)
	former := replayed(was, before.Past, now)
	was.name(former.owned)
	is.name(former.after(is, now).owned)
	templates, present := before.templates(), after.templates()
	p.people(was, is, templates, present, now)
	p.typos()
	p.returns(is, before.Left, templatesOf(templates, present), now)
	p.Held, p.Counted = held(was, is, former, before.Past, now)
	p.Held = append(p.Held, heldVolumes(was, is, templates, present)...)
	if p.Ended {
		// Nothing else matters for a removed course.
		return p
	}
	p.Templates = compareTemplates(templates, present, was, is)
	if !p.New {
		p.Settings = compareSettings(before.Course.Spec, after.Course.Spec)
	}
	p.Need = needs(was, is, before, after, now)
	p.Need.addKept(p.keptNeed(was, before.Left, templatesOf(templates, present), now))
	return p
}

func (c Class) templates() map[string]*v1alpha1.Template {
	by := make(map[string]*v1alpha1.Template, len(c.Templates))
	for i := range c.Templates {
		by[c.Templates[i].Name] = &c.Templates[i]
	}
	return by
}
