package course_test

import (
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// A change of the roster costs in proportion to the change, and not to the class.
func TestChangedRowCostsFewRequests(t *testing.T) {
	const size, budget = 300, 10
	w := classroom.New(t)
	w.Make(classroom.Sleeper(), rosterFile("class", users(size)), enrolling(w, "class"))
	enrolled(w, size)
	for _, name := range []string{"s000", "s299"} {
		w.Reaches(name, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	}
	w.Settled()
	for _, change := range []struct {
		what, roster string
		budget       int
	}{
		{"one row more", users(size + 1), budget},
		{"another section", strings.Replace(users(size+1), "user\ns000\n", "user,section\ns000,a\n", 1), budget},
		{"nothing but an empty line", strings.Replace(users(size+1), "user\ns000\n", "user,section\n\ns000,a\n", 1), 0},
	} {
		before := len(w.Requests.All())
		rewrite(w, change.roster)
		w.Settled()
		made := w.Requests.All()[before:]
		t.Logf("%s: %d requests: %v", change.what, len(made), made)
		if len(made) > change.budget {
			t.Errorf("%s takes %d requests, want at most %d: %v", change.what, len(made), change.budget, made)
		}
	}
	enrolled(w, size+1)
}
