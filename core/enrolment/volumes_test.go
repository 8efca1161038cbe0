package enrolment_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/core/enrolment"
)

func TestGuardOfVolumes(t *testing.T) {
	names := func(all ...string) []string { return all }
	for _, test := range []struct {
		name          string
		before, after []string
		carrels, of   int
		limit         *intstr.IntOrString
		want          string
	}{
		{name: "a whole class", before: names("home"), carrels: 300, of: 300, want: "would take volume home from 300 of 300 carrels"},
		{name: "two volumes", before: names("home", "data", "cache"), after: names("cache"), carrels: 300, of: 300,
			want: "would take volumes data, home from 300 of 300 carrels"},
		{name: "a volume that is called otherwise now", before: names("home"), after: names("work"), carrels: 2, of: 2,
			want: "would take volume home from 2 of 2 carrels"},
		{name: "more than a tenth", before: names("home"), carrels: 31, of: 300, want: "would take volume home from 31 of 300 carrels"},
		{name: "a few", before: names("home"), carrels: 30, of: 300},
		{name: "a limit", before: names("home"), carrels: 31, of: 300, limit: new(intstr.FromInt32(31))},
		{name: "a Template that nobody follows", before: names("home"), of: 300},
		{name: "one volume more", before: names("home"), after: names("home", "data"), carrels: 300, of: 300},
		{name: "another order", before: names("home", "data"), after: names("data", "home"), carrels: 300, of: 300},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := course()
			c.Spec.Guard.MaxRemovals = test.limit
			held := enrolment.GuardVolumes(c, "ide", test.before, test.after, test.carrels, test.of)
			switch {
			case held == nil && test.want == "":
				return
			case held == nil || held.Effect() != test.want:
				t.Fatalf("held is %+v, want %q", held, test.want)
			}
			c.Spec.Guard.Confirm = held.Confirm
			if again := enrolment.GuardVolumes(c, "ide", test.before, test.after, test.carrels, test.of); again != nil {
				t.Errorf("it is confirmed, and held: %+v", again)
			}
			if other := enrolment.GuardVolumes(c, "db", test.before, test.after, test.carrels, test.of); other == nil {
				t.Error("the word lets the edit of another Template pass")
			}
			if other := enrolment.GuardVolumes(c, "ide", test.before, names("x"), test.carrels, test.of); other == nil {
				t.Error("the word lets another edit pass")
			}
		})
	}
}
