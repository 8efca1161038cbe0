package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

// Seat is one carrel of one student.
type Seat struct {
	User     string `json:"user"`
	Name     string `json:"name,omitempty"`
	Template string `json:"template"`
	Section  string `json:"section,omitempty"`
	Enabled  bool   `json:"enabled"`
	// Userland is the name of the Userland object.
	Userland string `json:"userland"`
	// Place is the file and line of the roster's row. It is empty for a student
	// with a file.
	Place string `json:"place,omitempty"`
}

// identity is the key of a seat. A student may have one seat for each Template.
type identity struct{ user, template string }

// seats is a class whose rosters are expanded.
type seats struct {
	course *v1alpha1.Course
	// gone is true if there is no Course.
	gone     bool
	by       map[identity]Seat
	enrolled enrolment.Plan
	files    []v1alpha1.Userland
	rows     roster.Roster
	problems []string
}

// seatsOf expands the rosters of a class as the controller does.
func seatsOf(name string, c Class) seats {
	s := seats{course: c.Course, by: map[identity]Seat{}, files: c.Userlands, rows: roster.Read(c.Rosters...)}
	if s.gone = s.course == nil; s.gone {
		s.course = &v1alpha1.Course{}
	}
	s.course = s.course.DeepCopy()
	s.course.Name, s.course.Namespace, s.course.UID = name, name, types.UID(name)
	s.enrolled = enrolment.Make(s.course, s.files, s.rows, time.Time{}) // without what is there, there is nothing to remember
	for _, problem := range s.enrolled.Errors {
		s.problems = append(s.problems, problem.String())
	}
	for i := range s.files {
		s.add(seatOfFile(&s.files[i]))
	}
	for _, want := range s.enrolled.Wants {
		s.add(Seat{
			User: want.Row.User, Name: want.Row.Name, Template: want.Row.Template, Section: want.Row.Section,
			Enabled: want.Row.Enabled, Userland: want.Name, Place: want.Row.Place.String(),
		})
	}
	return s
}

func seatOfFile(u *v1alpha1.Userland) Seat {
	return Seat{
		User: u.User(), Name: u.Annotations[v1alpha1.NameAnnotation], Template: u.Spec.TemplateName, Section: u.Spec.Section,
		Enabled: ptr.Deref(u.Spec.Enabled, true), Userland: u.Name,
	}
}

func (s *seats) add(seat Seat) {
	seat.Template = cmp.Or(seat.Template, s.course.Spec.TemplateName)
	s.by[identity{seat.User, seat.Template}] = seat
}

// sorted returns the seats ordered by user and Template.
func (s *seats) sorted() []Seat {
	return slices.SortedFunc(maps.Values(s.by), compareSeats)
}

func compareSeats(a, b Seat) int {
	return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Template, b.Template))
}

// name gives the seats of rows the names of the Userlands of the Course.
func (s *seats) name(owned []v1alpha1.Userland) {
	for i := range owned {
		u := &owned[i]
		id := identity{u.User(), cmp.Or(u.Spec.TemplateName, s.course.Spec.TemplateName)}
		if seat, there := s.by[id]; there && seat.Place != "" {
			seat.Userland = u.Name
			s.by[id] = seat
		}
	}
}

// seatLine describes the seat: "24t0101 (Sato Yuki), ide, section A".
func (s Seat) seatLine() string {
	text := s.User
	if s.Name != "" {
		text += " (" + s.Name + ")"
	}
	text += ", " + s.Template
	if s.Section != "" {
		text += ", section " + s.Section
	}
	if s.Place != "" {
		text += fmt.Sprintf(" – %s", s.Place)
	}
	return text
}
