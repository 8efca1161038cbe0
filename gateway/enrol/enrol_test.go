package enrol_test

import (
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/enrol"
)

// A rule admits the people of its provider. People of another provider may have the same
// groups and claims there, since they can choose them.
func TestRulesAreAboutOneProvider(t *testing.T) {
	student := auth.Identity{User: "mori", Provider: "campus", Groups: []string{"students"}, Claims: map[string][]string{"email_domain": {"example.ac.jp"}}}
	impostor := student
	impostor.Provider = "gitlab"
	for _, test := range []struct {
		name              string
		rule              v1alpha1.EnrolmentRule
		only              bool
		student, impostor bool
	}{
		{"a group of a provider", v1alpha1.EnrolmentRule{Provider: "campus", Claim: "groups", Values: []string{"students"}}, false, true, false},
		{"a claim of a provider", v1alpha1.EnrolmentRule{Provider: "campus", Claim: "email_domain", Values: []string{"example.ac.jp"}}, false, true, false},
		{"no provider, of several", v1alpha1.EnrolmentRule{Claim: "groups", Values: []string{"students"}}, false, false, false},
		{"no provider, of one", v1alpha1.EnrolmentRule{Claim: "groups", Values: []string{"students"}}, true, true, true},
		{"another provider, of one", v1alpha1.EnrolmentRule{Provider: "campus", Claim: "groups", Values: []string{"students"}}, true, true, false},
		{"another value", v1alpha1.EnrolmentRule{Provider: "campus", Claim: "groups", Values: []string{"staff"}}, true, false, false},
	} {
		course := &v1alpha1.Course{Spec: v1alpha1.CourseSpec{Enrolment: v1alpha1.EnrolmentOpen, EnrolmentRules: []v1alpha1.EnrolmentRule{test.rule}}}
		e := &enrol.Enroller{OneProvider: func() bool { return test.only }}
		if got := e.Admits(course, student); got != test.student {
			t.Errorf("%s: the student is admitted: %v, want %v", test.name, got, test.student)
		}
		if got := e.Admits(course, impostor); got != test.impostor {
			t.Errorf("%s: the impostor is admitted: %v, want %v", test.name, got, test.impostor)
		}
	}
}
