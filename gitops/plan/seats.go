package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
)

// seats is a class whose rosters are expanded.
type seats struct {
	course *v1alpha1.Course
	// gone is true if there is no Course.
	gone     bool
	by       map[class.Key]class.Student
	files    []v1alpha1.Userland
	rows     roster.Roster
	problems []string
}

// seatsOf expands the rosters of a class as the controller does.
func seatsOf(name string, c class.Class) seats {
	roll := c.Roll(name)
	s := seats{course: roll.Course, gone: c.Course == nil, by: map[class.Key]class.Student{}, files: c.Userlands, rows: roll.Rows}
	for _, problem := range roll.Problems {
		s.problems = append(s.problems, problem.String())
	}
	for _, student := range roll.Students {
		s.by[student.Key()] = student
	}
	return s
}

// sorted returns the students ordered by user and Template.
func (s *seats) sorted() []class.Student {
	return slices.SortedFunc(maps.Values(s.by), class.Compare)
}

// name gives the seats of rows the names of the Userlands of the Course.
func (s *seats) name(owned []v1alpha1.Userland) {
	for i := range owned {
		u := &owned[i]
		id := class.Key{User: u.User(), Template: cmp.Or(u.Spec.TemplateName, s.course.Spec.TemplateName)}
		if seat, there := s.by[id]; there && seat.Row {
			seat.Userland = u.Name
			s.by[id] = seat
		}
	}
}

// studentLine describes a student: "24t0101 (Sato Yuki), ide, section A".
func studentLine(s class.Student) string {
	text := s.User
	if s.Name != "" {
		text += " (" + s.Name + ")"
	}
	text += ", " + s.Template
	for _, column := range roster.Groups() {
		if cell := column.Cell(s.Student); cell != "" {
			text += ", " + column.Name + " " + cell
		}
	}
	if s.Line > 0 {
		text += " – " + roster.Place{File: s.File, Line: s.Line}.String()
	}
	return text
}
