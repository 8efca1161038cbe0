package plan_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/plan"
)

func rowsOf(text string) plan.Class {
	c := course()
	return plan.Class{Class: class.Class{Course: c, Templates: []v1alpha1.Template{template("ide", "ide:1")}, Rosters: []roster.File{{Name: "roster.csv", Data: []byte("user,name,section\n" + text)}}}}
}

// TestTypo checks which replaced logins are probably one person's.
func TestTypo(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          []plan.Typo
	}{
		"one character":         {"26t0042,Sato,a\n", "26t0O42,Sato,a\n", []plan.Typo{{User: "26t0O42", From: "26t0042"}}},
		"no name, a single one": {"26t0042,,a\n", "26t0043,,a\n", []plan.Typo{{User: "26t0043", From: "26t0042"}}},
		"full width":            {"２６t0042,,a\nx,,a\n", "26t0042,,a\ny,,a\n", []plan.Typo{{User: "26t0042", From: "２６t0042"}}},
		"neighbours":            {"26t0042,Sato,a\n26t0044,Mori,a\n", "26t0043,Abe,a\n26t0045,Ito,a\n", nil},
		"another person":        {"26t0042,Sato,a\n", "26t9999,Abe,a\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Compare("prog1", rowsOf(test.before), rowsOf(test.after), now)
			if diff := cmp.Diff(test.want, p.Typos); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var out bytes.Buffer
			if err := plan.WriteText(&out, []plan.Plan{p}); err != nil || strings.Contains(out.String(), "Probably a typo") != (test.want != nil) {
				t.Errorf("%v, and the plan says\n%s", err, out.String())
			}
		})
	}
}

// TestFullestSessionIsAhead checks that the session of the peak is not over, unless the
// term is.
func TestFullestSessionIsAhead(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "5 Oct"}, {time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC), "12 Oct"}, {time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), "5 Oct"},
	} {
		p := plan.Compare("prog1", rowsOf("a,,a\n"), rowsOf("a,,a\nb,,a\n"), test.at)
		if !strings.Contains(p.Need.Session, test.want) {
			t.Errorf("at %s the fullest session is %q, want one of %s", test.at.Format(time.DateOnly), p.Need.Session, test.want)
		}
	}
}
