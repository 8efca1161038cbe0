package board

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTeams checks that a team is found by its name, and shown alone.
func TestTeams(t *testing.T) {
	seats := []Seat{{Name: "a", Team: "red"}, {Name: "b", Team: "redder"}, {Name: "c"}}
	for _, test := range []struct {
		filter filter
		want   []string
	}{
		{filter{Show: "team:red"}, []string{"a"}},
		{filter{Show: "team:"}, []string{"c"}},
		{filter{Find: "RED"}, []string{"a", "b"}},
		{filter{Show: "team:redder", Find: "a"}, nil},
	} {
		var got []string
		for _, s := range test.filter.selected(seats) {
			got = append(got, s.Name)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.filter, diff)
		}
	}
}
