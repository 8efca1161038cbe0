package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func names(jobs []Job) []string {
	var names []string
	for _, job := range jobs {
		names = append(names, job.Name)
	}
	return names
}

// play runs a graph in which the job that began first is done first, and returns
// which jobs begin together.
func play(t *testing.T, graph *Graph) [][]string {
	t.Helper()
	var rounds [][]string
	for queue := graph.Start(); len(queue) > 0; {
		if began := names(queue); len(rounds) == 0 {
			rounds = append(rounds, began)
		}
		graph.Done(queue[0])
		begun := graph.Start()
		if len(begun) > 0 {
			rounds = append(rounds, names(begun))
		}
		queue = append(queue[1:], begun...)
	}
	if !graph.Finished() {
		t.Error("the graph came to rest before its end")
	}
	return rounds
}

func TestOrder(t *testing.T) {
	tests := map[string]struct {
		jobs []Job
		want [][]string
	}{
		"the heaviest chain first": {
			jobs: []Job{
				{Name: "short", Line: "compile", Weight: 9 * time.Minute},
				{Name: "first of a long chain", Line: "compile", Weight: time.Minute},
				{Name: "second", Line: "compile", Weight: 10 * time.Minute, After: []string{"first of a long chain"}},
			},
			want: [][]string{{"first of a long chain"}, {"second"}, {"short"}},
		},
		"lines beside each other": {
			jobs: []Job{
				{Name: "compile", Line: "compile", Weight: 3 * time.Minute},
				{Name: "compile more", Line: "compile", Weight: 2 * time.Minute},
				{Name: "image", Line: "image", Weight: time.Minute},
			},
			want: [][]string{{"compile", "image"}, {"compile more"}},
		},
		"the network has no line": {
			jobs: []Job{{Name: "compile", Line: "compile", Weight: time.Minute}, {Name: "fetch a"}, {Name: "fetch b"}},
			want: [][]string{{"compile", "fetch a", "fetch b"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			graph, err := NewGraph(test.jobs)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, play(t, graph)); diff != "" {
				t.Errorf("begun in another order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGraphsThatCannotEndAreRefused(t *testing.T) {
	for want, jobs := range map[string][]Job{
		`two jobs are called "a"`: {{Name: "a"}, {Name: "a"}},
		`"a" comes after "b"`:     {{Name: "a", After: []string{"b"}}},
		"waits for itself":        {{Name: "a", After: []string{"b"}}, {Name: "b", After: []string{"a"}}},
	} {
		if _, err := NewGraph(jobs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
}
