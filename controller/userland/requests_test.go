package userland_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// A class that starts costs the API server few writes, and one that runs none.
func TestSettledMeansSilent(t *testing.T) {
	const size, budget = 24, 7
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), w.Course())
	for _, s := range classroom.Class(size) {
		w.Make(s)
	}
	for _, s := range classroom.Class(size) {
		w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	w.Settled()
	// A Course and a Template count once a second, for however long it takes.
	writes := slices.DeleteFunc(w.Requests.Writes(), func(made string) bool {
		return strings.Contains(made, "/courses/") || strings.Contains(made, "/templates/")
	})
	t.Logf("%d Userlands from creation to settled: %d writes (%.2f each), %d requests: %v",
		size, len(writes), float64(len(writes))/size, len(w.Requests.All()), byKind(w.Requests.All()))
	if len(writes) > size*budget {
		t.Errorf("%d writes for %d Userlands, want at most %d each: %v", len(writes), size, budget, byKind(writes))
	}

	before := len(w.Requests.All())
	time.Sleep(3 * time.Second)
	if more := w.Requests.All()[before:]; len(more) > 0 {
		t.Errorf("settled, the controllers still ask: %v", more)
	}

	w.Stop()
	w.Start()
	w.Settled()
	if writes := w.Requests.Writes(); len(writes) > 0 {
		t.Errorf("started again with nothing to do, the controllers write: %v", writes)
	}
	if reads := byKind(w.Requests.All()); len(w.Requests.All()) > 30 {
		t.Errorf("started again, the controllers ask more than their lists: %v", reads)
	}
}

// byKind counts requests by method and the last words of their path that are no
// names.
func byKind(all []string) map[string]int {
	counts := map[string]int{}
	for _, made := range all {
		method, path, _ := strings.Cut(made, " ")
		parts := strings.Split(path, "/namespaces/")
		words := strings.Split(parts[len(parts)-1], "/")
		kind := words[min(1, len(words)-1)]
		if len(words) > 3 {
			kind += "/" + words[3]
		}
		if strings.HasSuffix(made, "(dry run)") && !strings.HasSuffix(kind, "(dry run)") {
			kind += " (dry run)"
		}
		counts[fmt.Sprintf("%s %s", method, kind)]++
	}
	return counts
}
