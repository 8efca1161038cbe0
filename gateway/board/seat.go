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

// Seat is a carrel as the board shows it. Seats are comparable, and a seat that is equal
// to the one shown is not sent again.
type Seat struct {
	// Name is the carrel's name, and User its user's login. Person is the user's name for
	// people; empty if the roster has none.
	Name, User, Person, Section string
	// Team is the group in which the user works; empty if there is none.
	Team string
	// State, Reason and Message come from the status.
	State, Reason, Message string
	// Template is the Template that the carrel follows, and Revision the one it runs.
	Template, Revision string
	// Stalled is set if a person must act before all is as it should be.
	Stalled bool
	// Outdated is set while the carrel runs an older revision than the newest.
	Outdated bool
	// Active is the time of the last activity, and Hand the time since which the user
	// asks for help; zero means none.
	Active, Hand time.Time
}

func seatOf(c directory.Carrel) Seat {
	u := c.Userland
	s := Seat{
		Name: c.Name, User: c.User, Person: u.Annotations[v1alpha1.NameAnnotation], Section: c.Section, Team: u.Spec.Team,
		State: c.State, Reason: c.Reason, Message: c.Message, Template: c.Template,
		Stalled:  meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition),
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

// DisplayName returns the person's name, or their login if the roster has no name.
func (s Seat) DisplayName() string { return cmp.Or(s.Person, s.User, s.Name) }

// Login returns the login of the person; empty if DisplayName is the login.
func (s Seat) Login() string {
	if s.Person == "" {
		return ""
	}
	return cmp.Or(s.User, s.Name)
}

// Raised reports whether the hand is up.
func (s Seat) Raised() bool { return !s.Hand.IsZero() }

// Used reports whether the carrel was ever used.
func (s Seat) Used() bool { return !s.Active.IsZero() }

// Attention reports whether somebody must repair something. That may also be so while
// the carrel sleeps: it could not start.
func (s Seat) Attention() bool {
	return s.Stalled || s.State == v1alpha1.StateFailing || s.State == v1alpha1.StateWaiting
}

// Cause returns the reason if the seat needs attention; else empty.
func (s Seat) Cause() string {
	if s.Attention() {
		return s.Reason
	}
	return ""
}

// Starts reports whether the carrel is starting or queued, so that its last activity is
// not worth showing.
func (s Seat) Starts() bool {
	return s.State == v1alpha1.StateStarting || s.State == v1alpha1.StateQueued
}

// Style returns the class of the state in the style sheet; "other" for states that this
// version does not know.
func (s Seat) Style() string {
	if slices.Contains(states, s.State) {
		return strings.ToLower(s.State)
	}
	return "other"
}

// states lists the states that this version knows, in the order in which they are shown.
var states = []string{
	v1alpha1.StateRunning, v1alpha1.StateStarting, v1alpha1.StateQueued, v1alpha1.StateAsleep,
	v1alpha1.StateDisabled, v1alpha1.StateWaiting, v1alpha1.StateFailing,
}

// section is a section of the class with its seats.
type section struct {
	Name  string
	Seats []Seat
}

// sectionsOf groups seats by section. Sections and seats are sorted by name, and seats
// without a section come last.
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
