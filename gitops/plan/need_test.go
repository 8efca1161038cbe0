package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gitops/plan"
)

// A term without an end, or with one in 8,000 years, needs what one of a few weeks
// does.
func TestNeedOfEndlessTerm(t *testing.T) {
	want := plan.NeedOf("prog1", class())
	if want.Session != "Mon 5 Oct 2026 10:00 Lab B (b)" {
		t.Fatalf("the fullest session is %q", want.Session)
	}
	for _, last := range []v1alpha1.Date{"", "9999-12-31"} {
		endless := class()
		endless.Course.Spec.Timetable.Term.LastDay = last
		if diff := cmp.Diff(want, plan.NeedOf("prog1", endless)); diff != "" {
			t.Errorf("the term ends on %q (-want +got):\n%s", last, diff)
		}
	}
}
