package class

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

// Student is one carrel of one student as git declares it.
type Student struct {
	// Student has the effective Template: that of the course if the declaration names
	// none.
	roster.Student
	// Userland is the name of the Userland object.
	Userland string `json:"userland"`
	// File is the path of the declaring file, from the root of the repository. Line
	// counts from 1 in it, and is 0 if it is unknown.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`

	// Row is true for a row of a roster.
	Row bool `json:"-"`
	// Stays is true if Flux keeps the Userland when its file is deleted. A row can
	// then take it over.
	Stays bool `json:"-"`
}

// Key returns what there is one carrel for: a user and a Template.
func (s Student) Key() Key { return Key{s.User, s.Template} }

// Key is the user and the Template of a carrel.
type Key struct{ User, Template string }

// Compare orders students by user and Template.
func Compare(a, b Student) int {
	return cmp.Or(strings.Compare(a.User, b.User), strings.Compare(a.Template, b.Template))
}

// Place returns the file and, for a row, the line.
func (s Student) Place() string {
	if s.Row && s.Line > 0 {
		return s.File + ":" + strconv.Itoa(s.Line)
	}
	return s.File
}

// Roll is a class whose rosters are expanded as the controller does.
type Roll struct {
	// Course is never nil. It has the name of the course, and is empty if the tree
	// lacks it.
	Course *v1alpha1.Course
	// Students are those with files, then the rows.
	Students []Student
	Rows     roster.Roster
	// Problems are the mistakes for which the controller refuses the rosters. The
	// students with files are there all the same.
	Problems []roster.Problem
}

// Roll expands the rosters of a class, which has the given name.
func (c Class) Roll(name string) Roll {
	return c.roll(name, roster.Read(c.files()...))
}

// files returns the files of the rosters. A missing ConfigMap is an empty file, which
// makes the roster invalid.
func (c Class) files() []roster.File {
	files := c.Rosters[:len(c.Rosters):len(c.Rosters)]
	for _, name := range c.Missing {
		files = append(files, roster.File{Name: "ConfigMap " + name})
	}
	return files
}

func (c Class) roll(name string, rows roster.Roster) Roll {
	r := Roll{Course: &v1alpha1.Course{}, Rows: rows}
	if c.Course != nil {
		r.Course = c.Course.DeepCopy()
	}
	r.Course.Name, r.Course.Namespace, r.Course.UID = name, name, types.UID(name)
	// Without what is there, there is nothing to remember, and the time does not matter.
	enrolled := enrolment.Make(r.Course, c.Userlands, rows, time.Time{})
	r.Problems = enrolled.Errors
	template := r.Course.Spec.TemplateName
	for i := range c.Userlands {
		u := &c.Userlands[i]
		at := c.places[u.Name]
		r.add(Student{
			Student: roster.Of(u), Userland: u.Name, File: at.file, Line: at.line,
			Stays: u.Annotations[enrolment.PruneAnnotation] == enrolment.PruneDisabled,
		}, template)
	}
	for _, want := range enrolled.Wants {
		if want.Found != nil {
			continue // its file declares the carrel, too
		}
		r.add(Student{Student: want.Row.Student, Userland: want.Name, File: want.Row.Place.File, Line: want.Row.Place.Line, Row: true}, template)
	}
	return r
}

func (r *Roll) add(s Student, template string) {
	s.Template = cmp.Or(s.Template, template)
	r.Students = append(r.Students, s)
}
