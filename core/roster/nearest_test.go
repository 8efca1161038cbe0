package roster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/core/roster"
)

func TestNearest(t *testing.T) {
	names := []string{"21T0042@example.ac.jp", "21T0043@example.ac.jp", "hanako", "21t0042--home"}
	for typed, want := range map[string][]string{
		"21t0024": {"21T0042@example.ac.jp", "21T0043@example.ac.jp"}, "hanakko": {"hanako"}, "HANA": {"hanako"}, "somebody": {}, "21t0042--hom": {"21t0042--home"},
	} {
		if diff := cmp.Diff(want, roster.Nearest(typed, names)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typed, diff)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"21t0042", "21t0024", 2}, {"佐藤", "佐東", 1}} {
		if got := roster.Distance(test.a, test.b); got != test.want {
			t.Errorf("the distance of %q and %q is %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
