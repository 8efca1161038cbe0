package story

import "fmt"

// Courses are those of clusters/local.
var Courses = []string{"prog1", "database", "sandbox"}

// Installed are the milestones of a cluster that has everything: each course
// has reported on the commit that all its carrels are ready.
func Installed(forge *Forge, commit string) []Milestone {
	var milestones []Milestone
	for _, course := range Courses {
		m := Reported(forge, course, commit, "success")
		m.Name = course + " ready"
		milestones = append(milestones, m)
	}
	return milestones
}

// Student is somebody a teacher adds to a course.
type Student struct {
	// Course is where to, Name the name of the Userland, User the identity they
	// log in with.
	Course, Name, User string
	// Page are words of the page their carrel shows.
	Page string
}

// NewStudent is the student of the story; the number begins with a digit, as
// student numbers do.
var NewStudent = Student{Course: "prog1", Name: "24t0101", User: "24T0101@example.ac.jp", Page: "code-server"}

// File is the one file that adds the student.
func (s Student) File() Change {
	return Change{
		Path: fmt.Sprintf("courses/%s/roster/students/%s.yaml", s.Course, s.Name),
		Content: fmt.Appendf(nil, `apiVersion: carrel.dev/v1alpha1
kind: Userland
metadata:
  name: %s
  labels: {section: a}
spec:
  user: %s
`, s.Name, s.User),
	}
}
