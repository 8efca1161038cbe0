package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gitops/plan"
)

// A term without an end, or with one in 8,000 years, needs what one of a few weeks
// does.
func TestNeedOfEndlessTerm(t *testing.T) {
	want := plan.NeedOf("prog1", plan.Class{}, prog1())
	if want.Session != "Mon 5 Oct 2026 10:00 Lab B (b)" {
		t.Fatalf("the fullest session is %q", want.Session)
	}
	ignored := cmpopts.IgnoreUnexported(plan.NeedRow{})
	for _, last := range []v1alpha1.Date{"", "9999-12-31"} {
		endless := prog1()
		endless.Course.Spec.Timetable.Term.LastDay = last
		if diff := cmp.Diff(want, plan.NeedOf("prog1", plan.Class{}, endless), ignored); diff != "" {
			t.Errorf("the term ends on %q (-want +got):\n%s", last, diff)
		}
	}
}

// replaced returns a class of 300 with one volume each, of whom others took the place of
// all but seven.
func replaced(others string) plan.Class {
	text := "user\n"
	for i := range 300 {
		prefix := others
		if i < 7 {
			prefix = "s"
		}
		text += fmt.Sprintf("%s%03d\n", prefix, i)
	}
	c := prog1()
	c.Userlands, c.Rosters = nil, rows(text)
	c.Quotas[0].Spec.Hard = list("persistentvolumeclaims", "610")
	for i := range c.Templates {
		c.Templates[i].Spec.Volumes = c.Templates[i].Spec.Volumes[:1]
	}
	return c
}

// claims returns the row of a table for claims.
func claims(t *testing.T, need plan.Need) plan.NeedRow {
	t.Helper()
	for _, row := range need.Rows {
		if row.Resource == "persistentvolumeclaims" {
			return row
		}
	}
	t.Fatal("no claims are needed")
	return plan.NeedRow{}
}

// 293 of 300 students replaced by others: the volumes of those who left are kept, and
// count next to those of the others.
func TestNeedOfKeptVolumes(t *testing.T) {
	before, after := replaced("s"), replaced("t")
	if row := claims(t, plan.NeedOf("prog1", before, after)); row.Before != "300" || row.After != "593" || row.Kept != "293" || row.Over {
		t.Errorf("claims: %+v", row)
	}
	// Twenty more left before, of whom one left twice, one comes back and one is long gone.
	for i := range 20 {
		before.Left = append(before.Left, plan.Departure{User: fmt.Sprintf("t%03d", 299+i), Template: "ide", At: now.AddDate(0, 0, -i-10)})
	}
	before.Left = append(before.Left, before.Left[3], plan.Departure{User: "u", Template: "ide", At: now.AddDate(0, 0, -31)})
	if row := claims(t, plan.Compare("prog1", before, after, now).Need); row.Before != "320" || row.After != "612" || row.Kept != "312" || !row.Over {
		t.Errorf("claims: %+v", row)
	}
}
