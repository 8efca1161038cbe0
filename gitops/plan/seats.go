package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// byDefault is true if the seat uses the Course's default Template.
	byDefault bool
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
	seat.byDefault = seat.Template == ""
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

// owned returns the Userlands that the Course owns after the controller has
// expanded the rosters.
func (s *seats) owned(course *v1alpha1.Course) []v1alpha1.Userland {
	owner := *metav1.NewControllerRef(course, v1alpha1.SchemeGroupVersion.WithKind("Course"))
	userlands := make([]v1alpha1.Userland, 0, len(s.enrolled.Wants))
	for _, want := range s.enrolled.Wants {
		userlands = append(userlands, v1alpha1.Userland{
			ObjectMeta: metav1.ObjectMeta{Name: want.Name, Namespace: course.Name, OwnerReferences: []metav1.OwnerReference{owner}},
			Spec: v1alpha1.UserlandSpec{
				User: want.Row.User, TemplateName: want.Row.Template, Section: want.Row.Section, Enabled: &want.Row.Enabled,
			},
		})
	}
	return userlands
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
