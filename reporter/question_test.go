package reporter

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// The forge is asked about what changed since the last report, from the last commit that had
// the former content.
func TestQuestionOf(t *testing.T) {
	known := func(sync Sync, past string) Sync {
		sync.Past = map[string]string{map[string]string{rosterKey: "r1", templatesKey: "t1"}[sync.Key]: past}
		return sync
	}
	for name, test := range map[string]struct {
		syncs []Sync
		last  *v1alpha1.ReportStatus
		want  Question
	}{
		"the first report": {
			syncs: []Sync{applied(rosterKey, "C", "r2")},
		},
		"nothing changed": {
			syncs: []Sync{known(applied(rosterKey, "C", "r1"), "B")}, last: last("A", "success", ""),
		},
		"Flux is at work": {
			syncs: []Sync{atWork(rosterKey, "C")}, last: last("A", "success", ""),
		},
		"the former content was seen at a later commit than the mark's": {
			syncs: []Sync{known(applied(rosterKey, "C", "r2"), "B")}, last: last("A", "success", ""),
			want: Question{Bases: []string{"B"}, Head: "C"},
		},
		"Flux has forgotten the former content": {
			syncs: []Sync{applied(rosterKey, "C", "r2")}, last: last("A", "success", ""),
			want: Question{Bases: []string{"A"}, Head: "C"},
		},
		"both changed, from one commit": {
			syncs: []Sync{known(applied(rosterKey, "C", "r2"), "B"), known(applied(templatesKey, "C", "t2"), "B")}, last: last("A", "success", ""),
			want: Question{Bases: []string{"B"}, Head: "C"},
		},
		"both changed, from two": {
			syncs: []Sync{known(applied(rosterKey, "C", "r2"), "B"), applied(templatesKey, "C", "t2")}, last: last("A", "success", ""),
			want: Question{Bases: []string{"B", "A"}, Head: "C"},
		},
		"it fails": {
			syncs: []Sync{known(refused(rosterKey, "C", "r2", "no"), "B")}, last: last("A", "success", ""),
			want: Question{Bases: []string{"B"}, Head: "C", Retried: true},
		},
		"it failed": {
			syncs: []Sync{applied(rosterKey, "C", "r2")}, last: last("A", "failure", "", failedPrefix+"r2", "t1"),
			want: Question{Bases: []string{"A"}, Head: "C", Retried: true},
		},
	} {
		if diff := cmp.Diff(test.want, QuestionOf(test.syncs, test.last, "C")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
