package enrolment

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// maxHost is the length that a label of a host name may have, and hostDash the length
// of what is between the names of Userland and course in that of a carrel.
const (
	maxHost  = 63
	hostDash = 2
)

// key matches a row with a Userland. The Template is the effective one.
type key struct{ user, template string }

// register holds the Userlands of a course.
type register struct {
	course *v1alpha1.Course
	by     map[key][]*v1alpha1.Userland
	names  map[string]*v1alpha1.Userland
	// people holds the Userlands of each person, whatever the spelling of the login.
	people map[string][]*v1alpha1.Userland
	// respelled lists the rows that wait because a login was corrected.
	respelled []roster.Row
	// asMeant holds the Userlands of the Course that stay as they are for their rows.
	asMeant []Want
}

func newRegister(course *v1alpha1.Course, userlands []v1alpha1.Userland) *register {
	r := &register{
		course: course, by: make(map[key][]*v1alpha1.Userland, len(userlands)), names: make(map[string]*v1alpha1.Userland, len(userlands)),
		people: make(map[string][]*v1alpha1.Userland, len(userlands)),
	}
	for i := range userlands {
		u := &userlands[i]
		r.names[u.Name] = u
		k, person := r.key(u.User(), u.Spec.TemplateName), roster.Person(u.User())
		r.by[k] = append(r.by[k], u)
		r.people[person] = append(r.people[person], u)
	}
	for _, there := range r.by {
		slices.SortFunc(there, compareMatches)
	}
	return r
}

// compareMatches orders Userlands of one user and one effective Template: those that
// stay, then those that name their Template. They are several if the course took for
// its default a Template that another carrel of the user names: that one has always
// followed it.
func compareMatches(a, b *v1alpha1.Userland) int {
	order := func(last bool) int {
		if last {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(order(a.DeletionTimestamp != nil), order(b.DeletionTimestamp != nil)),
		cmp.Compare(order(a.Spec.TemplateName == ""), order(b.Spec.TemplateName == "")),
		cmp.Compare(a.Name, b.Name))
}

func (r *register) key(user, template string) key {
	return key{user, cmp.Or(template, r.course.Spec.TemplateName)}
}

// match finds for each row the Userland that it becomes, and returns the names of the
// Userlands of the Course that stay. It matches by user and effective Template first.
func (r *register) match(plan *Plan, rows []roster.Row) (stays map[string]bool) {
	stays = make(map[string]bool, len(rows))
	lines := make(map[key]roster.Place, len(rows))
	var left []roster.Row
	for _, row := range rows {
		k := r.key(row.User, row.Template)
		if first, twice := lines[k]; twice {
			plan.fail(row, fmt.Sprintf("the same user and template as %s: an empty template is the course's, %q", first, r.course.Spec.TemplateName),
				"delete one of the two lines, or name another template in one")
			continue
		}
		lines[k] = row.Place
		there := r.by[k]
		switch i := slices.IndexFunc(there, r.owns); {
		case i >= 0:
			// The Course does not stop or change a Userland of a file that came later: both
			// go on, and the Course says so.
			r.tellFile(plan, row, there)
			r.keep(plan, stays, row, there[i])
		case len(there) > 0:
			r.matchFile(plan, stays, row, there[0])
		default:
			left = append(left, row)
		}
	}
	r.matchLeft(plan, stays, left)
	r.recordReplaced(plan, stays)
	return stays
}

// matchLeft finds the Userlands of rows that none is for.
func (r *register) matchLeft(plan *Plan, stays map[string]bool, rows []roster.Row) {
	rowsOf := make(map[string]int, len(rows))
	for _, row := range rows {
		rowsOf[row.User]++
	}
	for _, row := range rows {
		var former, respelled []*v1alpha1.Userland
		for _, u := range r.people[roster.Person(row.User)] {
			switch {
			case u.User() != row.User:
				respelled = append(respelled, u)
			case r.owns(u) && !stays[u.Name] && !r.filed(u) && !r.replaced(u):
				former = append(former, u)
			}
		}
		switch {
		case len(former) == 1 && rowsOf[row.User] == 1:
			// The carrel is moved to another Template, and keeps its name.
			r.keep(plan, stays, row, former[0])
		case len(respelled) > 0:
			r.matchRespelled(plan, row, respelled)
		case len(former) == 1:
			r.matchNew(plan, row, former[0].UID)
		default:
			r.matchNew(plan, row, "")
		}
	}
}

// replaced reports whether a Userland is to go because several rows took its place, of
// which one was already made.
func (r *register) replaced(u *v1alpha1.Userland) bool {
	return slices.ContainsFunc(r.people[roster.Person(u.User())], func(other *v1alpha1.Userland) bool {
		return other.User() == u.User() && r.owns(other) && u.UID != "" && replaces(other) == u.UID
	})
}

// filed reports whether a file took the place of the row of a Userland.
func (r *register) filed(u *v1alpha1.Userland) bool {
	return slices.ContainsFunc(r.by[r.key(u.User(), u.Spec.TemplateName)], func(other *v1alpha1.Userland) bool { return !r.owns(other) })
}

// keep lets a Userland of the Course stay for a row. If it is being deleted already, the
// row waits until it is gone.
func (r *register) keep(plan *Plan, stays map[string]bool, row roster.Row, u *v1alpha1.Userland) {
	stays[u.Name] = true
	switch {
	case u.DeletionTimestamp != nil:
		plan.Waiting = append(plan.Waiting, row)
	case !asMeant(u, row):
		plan.Wants = append(plan.Wants, Want{Name: u.Name, Row: row, Found: u})
	default:
		r.asMeant = append(r.asMeant, Want{Name: u.Name, Row: row, Found: u})
	}
}

// recordReplaced keeps the record of what a Userland replaces as long as the other one is
// to go, and removes it if that one stays after all.
func (r *register) recordReplaced(plan *Plan, stays map[string]bool) {
	staying := make(map[types.UID]bool, len(stays))
	for name := range stays {
		staying[r.names[name].UID] = true
	}
	for i := range plan.Wants {
		if want := &plan.Wants[i]; want.Found != nil && !staying[replaces(want.Found)] {
			want.Replaces = replaces(want.Found)
		}
	}
	for _, want := range r.asMeant {
		if uid := replaces(want.Found); uid != "" && staying[uid] {
			plan.Wants = append(plan.Wants, want)
		}
	}
}

// replaces returns the UID that a Userland records as replaced; empty if there is none.
func replaces(u *v1alpha1.Userland) types.UID {
	return types.UID(u.Annotations[v1alpha1.ReplacesAnnotation])
}

// matchFile handles a row whose Userland comes from a file.
func (r *register) matchFile(plan *Plan, stays map[string]bool, row roster.Row, file *v1alpha1.Userland) {
	switch {
	case metav1.GetControllerOf(file) != nil || file.Annotations[PruneAnnotation] != PruneDisabled:
		plan.Files++
		plan.warn(row, "a file of its own has the same user and template, and comes before the row",
			"delete the line, or move the student into the roster as docs/rosters.md says")
	case !alike(file, row):
		plan.Files++
		plan.warn(row, "its file is marked to be replaced by the row, but the two differ in more than the name",
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

// matchRespelled handles a row whose login differs only in case from that of Userlands
// that are there. Their user can't be changed, so a new one is made once they are gone:
// side by side, the two could not have the same work. Those of the Course go by
// themselves, since one roster has only one spelling.
func (r *register) matchRespelled(plan *Plan, row roster.Row, former []*v1alpha1.Userland) {
	if slices.ContainsFunc(former, func(u *v1alpha1.Userland) bool { return !r.owns(u) }) {
		plan.Files++
		plan.warn(row, "a file of its own has the same user, but for upper and lower case, so the row makes no carrel",
			"write the login in both as the student logs in, or delete one of the two")
		return
	}
	plan.Waiting = append(plan.Waiting, row)
	if slices.ContainsFunc(former, func(u *v1alpha1.Userland) bool { return u.DeletionTimestamp == nil }) {
		r.respelled = append(r.respelled, row)
	}
}

// tellRespelled warns of rows that wait for a removal that is held.
func (r *register) tellRespelled(plan *Plan) {
	for _, row := range r.respelled {
		plan.warn(row, "the user of a carrel was corrected in upper and lower case, and the former carrel has to go first, but its removal is held",
			"confirm the removal, or write the login as it was")
	}
}

// matchNew handles a row without a Userland. Replaces is the UID of the former Userland
// that this row and others take the place of; empty if there is none.
func (r *register) matchNew(plan *Plan, row roster.Row, replaces types.UID) {
	name := ""
	for name = range row.UserlandNames(r.course.Spec.TemplateName) {
		if r.names[name] == nil {
			break
		}
	}
	if length := len(name) + hostDash + len(r.course.Name); length > maxHost {
		plan.fail(row, fmt.Sprintf("the carrel's host name would have %d characters, at most %d", length, maxHost),
			"give the course a shorter name")
		return
	}
	plan.Wants = append(plan.Wants, Want{Name: name, Row: row, Replaces: replaces})
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

// asMeant reports whether a Userland of the Course is as its row means it.
func asMeant(u *v1alpha1.Userland, row roster.Row) bool {
	return u.Spec.User == row.User && roster.Of(u) == row.Student
}

// alike reports whether a file and a row of the same user and Template mean the same.
// Names may differ.
func alike(u *v1alpha1.Userland, row roster.Row) bool {
	file := roster.Of(u)
	file.Template, file.Name = row.Template, row.Name
	return file == row.Student
}
