package plan

import (
	"slices"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
)

// Unnamed counts the students that Naming leaves out of each list.
type Unnamed struct {
	Added     int `json:"added,omitempty"`
	Removed   int `json:"removed,omitempty"`
	Moved     int `json:"moved,omitempty"`
	Disabled  int `json:"disabled,omitempty"`
	Enabled   int `json:"enabled,omitempty"`
	Regrouped int `json:"regrouped,omitempty"`
	Respelled int `json:"respelled,omitempty"`
}

// Naming returns a plan that names only the users for whom named returns true, and
// counts the others. More people read a comment than may read the roster, so a
// comment names only the users whom the change itself names. Naming also removes
// Present.
func (p Plan) Naming(named func(user string) bool) Plan {
	p.Added, p.Unnamed.Added = only(p.Added, named, func(s class.Student) class.Student { return s })
	p.Removed, p.Unnamed.Removed = only(p.Removed, named, func(r Removal) class.Student { return r.Student })
	p.Moved, p.Unnamed.Moved = only(p.Moved, named, func(m Move) class.Student { return m.Student })
	p.Disabled, p.Unnamed.Disabled = only(p.Disabled, named, func(s class.Student) class.Student { return s })
	p.Enabled, p.Unnamed.Enabled = only(p.Enabled, named, func(s class.Student) class.Student { return s })
	p.Regrouped, p.Unnamed.Regrouped = only(p.Regrouped, named, func(r Regrouping) class.Student { return r.Student })
	p.Respelled, p.Unnamed.Respelled = only(p.Respelled, named, func(r Respelling) class.Student { return r.Student })
	// Who is named in Added counts there.
	p.Returns, _ = only(p.Returns, named, func(r Return) class.Student { return class.Student{Student: roster.Student{User: r.User}} })
	p.Typos = slices.DeleteFunc(slices.Clone(p.Typos), func(t Typo) bool { return !named(t.User) || !named(t.From) })
	p.Present = nil
	return p
}

func only[T any](all []T, named func(user string) bool, seat func(T) class.Student) (shown []T, others int) {
	for _, one := range all {
		if named(seat(one).User) {
			shown = append(shown, one)
		}
	}
	return shown, len(all) - len(shown)
}
