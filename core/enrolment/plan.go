// Package enrolment decides about Courses: which Userlands their rosters add, change
// and remove, whether so many may be removed at once, and what the status says. It
// is pure: the time is an argument.
package enrolment

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// PruneAnnotation, with the value PruneDisabled, tells Flux to leave an object
// when its file goes. On a Userland it offers it to a row of the same user and
// Template.
const (
	PruneAnnotation = "kustomize.toolkit.fluxcd.io/prune"
	PruneDisabled   = "disabled"
)

// maxHost is how long a label of a host name may be, and hostDash what stands
// between Userland and course in a carrel's.
const (
	maxHost  = 63
	hostDash = 2
)

// Plan holds the changes that rosters ask for. With Errors it has none.
type Plan struct {
	// Wants are the Userlands to create or to change.
	Wants []Want
	// Removals are the Userlands to remove now.
	Removals []*v1alpha1.Userland
	// Held counts removals that wait for a confirmation. Removals is empty then.
	Held *v1alpha1.HeldRemoval
	// Gone and Largest are what the guard goes by next: the status has to record them
	// before anything is removed.
	Gone    []v1alpha1.GoneUserlands
	Largest int32
	// Rows counts all rows, Files those left to files of their own.
	Rows, Files int32
	// Digest is that of the rows.
	Digest string
	// Errors and Warnings are in the order of the rows.
	Errors, Warnings []roster.Problem
}

// Want is a Userland as a row means it to be.
type Want struct {
	// Name of the Userland.
	Name string
	// Row is where it comes from.
	Row roster.Row
	// Found is the one there is; nil: it has to be made.
	Found *v1alpha1.Userland
}

// key is what a row and a Userland are matched by.
type key struct{ user, template string }

// Make compares the rows with what there is. It changes none of its arguments
// and keeps references to the Userlands.
func Make(course *v1alpha1.Course, userlands []v1alpha1.Userland, read roster.Roster, now time.Time) Plan {
	plan := Plan{Rows: int32(len(read.Rows)), Errors: read.Errors, Warnings: read.Warnings}
	if len(plan.Errors) > 0 {
		return plan
	}
	there := newRegister(course, userlands)
	stays := there.match(&plan, read.Rows)
	if len(plan.Errors) > 0 {
		plan.Wants = nil
		return plan
	}
	plan.Digest = digest(read.Rows)
	leaving, owned := there.leaving(stays)
	plan.guard(there, leaving, owned, read.Rows, now)
	return plan
}

// Recorded returns the record of the guard with which the removals of the Plan may be
// made, given what the status has.
func (p Plan) Recorded(before *v1alpha1.RosterStatus) *v1alpha1.RosterStatus {
	status := v1alpha1.RosterStatus{}
	if before != nil {
		status = *before
	}
	status.Gone, status.Largest = p.Gone, p.Largest
	return &status
}

// Completed returns what the status records once all of the Plan is written.
func (p Plan) Completed() v1alpha1.RosterStatus {
	return v1alpha1.RosterStatus{Digest: p.Digest, Rows: p.Rows, Largest: max(p.Largest, p.Rows-p.Files), Gone: p.Gone}
}

// register is who is there.
type register struct {
	course *v1alpha1.Course
	by     map[key][]*v1alpha1.Userland
	names  map[string]*v1alpha1.Userland
}

func newRegister(course *v1alpha1.Course, userlands []v1alpha1.Userland) *register {
	r := &register{course: course, by: map[key][]*v1alpha1.Userland{}, names: map[string]*v1alpha1.Userland{}}
	for i := range userlands {
		u := &userlands[i]
		r.names[u.Name] = u
		k := r.key(cmp.Or(u.Spec.User, u.Name), u.Spec.TemplateName)
		r.by[k] = append(r.by[k], u)
	}
	return r
}

func (r *register) key(user, template string) key {
	return key{user, cmp.Or(template, r.course.Spec.TemplateName)}
}

// match finds for each row what is to become of it, and returns the names of the
// Userlands of the Course that stay.
func (r *register) match(plan *Plan, rows []roster.Row) map[string]bool {
	stays, lines := make(map[string]bool, len(rows)), make(map[key]roster.Place, len(rows))
	for _, row := range rows {
		k := r.key(row.User, row.Template)
		if first, twice := lines[k]; twice {
			plan.fail(row, fmt.Sprintf("the same user and template as %s: an empty template is the course's, %q", first, r.course.Spec.TemplateName),
				"delete one of the two lines, or name another template in one")
			continue
		}
		lines[k] = row.Place
		r.matchOne(plan, stays, row, r.by[k])
	}
	return stays
}

func (r *register) matchOne(plan *Plan, stays map[string]bool, row roster.Row, there []*v1alpha1.Userland) {
	if i := slices.IndexFunc(there, r.owns); i >= 0 {
		stays[there[i].Name] = true
		// One of a file of its own that came later is not ours to stop, nor to
		// change: both go on, and the Course says so.
		r.tellFile(plan, row, there)
		if there[i].DeletionTimestamp == nil && !asMeant(there[i], row) {
			plan.Wants = append(plan.Wants, Want{Name: there[i].Name, Row: row, Found: there[i]})
		}
		return
	}
	if len(there) > 0 {
		r.matchFile(plan, stays, row, there[0])
		return
	}
	r.matchNew(plan, row)
}

// matchFile is about a row whose Userland comes from a file.
func (r *register) matchFile(plan *Plan, stays map[string]bool, row roster.Row, file *v1alpha1.Userland) {
	switch {
	case metav1.GetControllerOf(file) != nil || file.Annotations[PruneAnnotation] != PruneDisabled:
		plan.Files++
		plan.warn(row, "a file of its own has the same user and template, and comes before the row",
			"delete the line, or move the student into the roster as docs/rosters.md says")
	case !alike(file, row):
		plan.Files++
		plan.warn(row, "its file is marked to be replaced by the row, but the two differ in section or enabled",
			"write the same in both; the row takes over then")
	default:
		stays[file.Name] = true
		plan.Wants = append(plan.Wants, Want{Name: file.Name, Row: row, Found: file})
	}
}

// tellFile warns of files for a user whose row was there first.
func (r *register) tellFile(plan *Plan, row roster.Row, there []*v1alpha1.Userland) {
	if slices.ContainsFunc(there, func(u *v1alpha1.Userland) bool { return !r.owns(u) }) {
		plan.warn(row, "this student has a carrel by the row, and another by a file for the same template",
			"delete one of the two, the line or the file")
	}
}

// matchNew is about a row that has no Userland. Where the row's own name is taken
// by another Userland it gets the one it had if it named its Template.
func (r *register) matchNew(plan *Plan, row roster.Row) {
	name := row.UserlandName()
	if r.names[name] != nil {
		named := row
		named.Template = r.key(row.User, row.Template).template
		name = named.UserlandName()
	}
	length := len(name) + hostDash + len(r.course.Name)
	switch {
	case length > maxHost:
		plan.fail(row, fmt.Sprintf("the carrel's host name would have %d characters, at most %d", length, maxHost),
			"give the course a shorter name")
	case r.names[name] != nil:
		plan.fail(row, "the names this carrel could have are another's", "rename the Userland in the file that has one of them, or delete the line")
	default:
		plan.Wants = append(plan.Wants, Want{Name: name, Row: row})
	}
}

// owns reports whether the Course may change and remove a Userland.
func (r *register) owns(u *v1alpha1.Userland) bool { return metav1.IsControlledBy(u, r.course) }

// leaving are the Userlands of the Course whom no row names.
func (r *register) leaving(stays map[string]bool) (leaving []*v1alpha1.Userland, owned int) {
	for name, u := range r.names {
		if !r.owns(u) {
			continue
		}
		owned++
		if !stays[name] && u.DeletionTimestamp == nil {
			leaving = append(leaving, u)
		}
	}
	slices.SortFunc(leaving, func(a, b *v1alpha1.Userland) int { return cmp.Compare(a.Name, b.Name) })
	return leaving, owned
}

func (p *Plan) fail(row roster.Row, cause, cure string) {
	p.Errors = append(p.Errors, roster.Problem{Place: row.Place, Cause: cause, Cure: cure})
}

func (p *Plan) warn(row roster.Row, cause, cure string) {
	p.Warnings = append(p.Warnings, roster.Problem{Place: row.Place, Cause: cause, Cure: cure})
}

// asMeant reports whether a Userland of the Course is as its row means it.
func asMeant(u *v1alpha1.Userland, row roster.Row) bool {
	return u.Spec.User == row.User && u.Spec.TemplateName == row.Template && alike(u, row) && u.Annotations[v1alpha1.NameAnnotation] == row.Name
}

// alike leaves out what the two were matched by.
func alike(u *v1alpha1.Userland, row roster.Row) bool {
	return u.Spec.Section == row.Section && ptr.Deref(u.Spec.Enabled, true) == row.Enabled
}
