package board

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// Seat is what the board shows of a carrel. It is comparable: one that is the
// same need not be sent again.
type Seat struct {
	// Name is the carrel's, User whose it is, Person their name for people, if
	// the roster has one.
	Name, User, Person, Section string
	// State, Reason and Message are as in the status.
	State, Reason, Message string
	// Template is the one followed, Revision the one it runs with.
	Template, Revision string
	// Outdated is set while it runs with an older revision than the newest.
	Outdated bool
	// Active is the last activity, Hand since when help is asked for; zero: none.
	Active, Hand time.Time
}

// seatOf is pure.
func seatOf(c directory.Carrel) Seat {
	u := c.Userland
	s := Seat{
		Name: c.Name, User: c.User, Person: u.Annotations[v1alpha1.NameAnnotation], Section: c.Section,
		State: c.State, Reason: c.Reason, Message: c.Message, Template: c.Template,
		Outdated: meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.UpdatePendingCondition),
	}
	if t := u.Status.Template; t != nil {
		s.Revision = t.Revision
	}
	if c.LastActivity != nil {
		s.Active = c.LastActivity.UTC()
	}
	if r := u.Status.Requests; r != nil && r.HelpSince != nil {
		s.Hand = r.HelpSince.UTC()
	}
	return s
}

// Who names the person: by name, else by the identity they log in with.
func (s Seat) Who() string { return cmp.Or(s.Person, s.User, s.Name) }

// Also is the identity, where Who is something else.
func (s Seat) Also() string {
	if s.Person == "" {
		return ""
	}
	return cmp.Or(s.User, s.Name)
}

// Raised reports whether the hand is up.
func (s Seat) Raised() bool { return !s.Hand.IsZero() }

// Used reports whether there was any activity.
func (s Seat) Used() bool { return !s.Active.IsZero() }

// Attention reports whether a person must do something.
func (s Seat) Attention() bool {
	return s.State == v1alpha1.StateFailing || s.State == v1alpha1.StateWaiting
}

// Cause is the reason, where it says more than the state.
func (s Seat) Cause() string {
	if s.Attention() {
		return s.Reason
	}
	return ""
}

// Moves reports whether it is on its way, so that its last activity says nothing.
func (s Seat) Moves() bool {
	return s.State == v1alpha1.StateStarting || s.State == v1alpha1.StateQueued
}

// Look is the state for the style sheet: those it does not know look alike.
func (s Seat) Look() string {
	if slices.Contains(states, s.State) {
		return strings.ToLower(s.State)
	}
	return "other"
}

// states are those known, in the order in which they are shown.
var states = []string{
	v1alpha1.StateRunning, v1alpha1.StateStarting, v1alpha1.StateQueued, v1alpha1.StateAsleep,
	v1alpha1.StateDisabled, v1alpha1.StateWaiting, v1alpha1.StateFailing,
}

// section is a part of the class.
type section struct {
	Name  string
	Seats []Seat
}

// sectionsOf groups seats, each part in the order of names. Those without a
// section come last.
func sectionsOf(seats []Seat) []section {
	sorted := slices.Clone(seats)
	slices.SortFunc(sorted, func(a, b Seat) int {
		switch {
		case a.Section == b.Section:
			return strings.Compare(a.Name, b.Name)
		case a.Section == "":
			return 1
		case b.Section == "":
			return -1
		}
		return strings.Compare(a.Section, b.Section)
	})
	var sections []section
	for _, s := range sorted {
		if n := len(sections); n == 0 || sections[n-1].Name != s.Section {
			sections = append(sections, section{Name: s.Section})
		}
		last := &sections[len(sections)-1]
		last.Seats = append(last.Seats, s)
	}
	return sections
}
