package roster

import (
	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Student is one carrel of one student, as a row or a file of its own declares it.
type Student struct {
	// User is the identity with which the student logs in.
	User string `json:"user"`
	// Name is the student's display name. It may be empty.
	Name string `json:"name,omitempty"`
	// Template is the Template of the carrel. Empty stands for the Template of the
	// course.
	Template string `json:"template"`
	// Section is the student's part of the class. It may be empty.
	Section string `json:"section,omitempty"`
	// Team is the group in which the student works. It may be empty.
	Team string `json:"team,omitempty"`
	// Enabled is false to stop the carrel.
	Enabled bool `json:"enabled"`
}

// Of returns the student of a Userland.
func Of(u *v1alpha1.Userland) Student {
	return Student{
		User: u.User(), Name: u.Annotations[v1alpha1.NameAnnotation], Template: u.Spec.TemplateName, Section: u.Spec.Section, Team: u.Spec.Team,
		Enabled: u.Enabled(),
	}
}

// Spec returns the spec of the student's Userland. It names each field that a row can
// set, also the empty ones, so that no write depends on what the last one named.
func (s Student) Spec() *v1alpha1ac.UserlandSpecApplyConfiguration {
	return v1alpha1ac.UserlandSpec().WithUser(s.User).WithTemplateName(s.Template).WithSection(s.Section).WithTeam(s.Team).WithEnabled(s.Enabled)
}
