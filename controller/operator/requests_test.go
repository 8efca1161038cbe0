package operator_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func inNamespace(name string) map[string]cache.Config { return map[string]cache.Config{name: {}} }

// requests records what the controllers ask of the API server besides watches.
type requests struct {
	mutex sync.Mutex
	made  []string
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (r *requests) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.URL.Query().Get("watch") == "" {
			r.mutex.Lock()
			dry := strings.Repeat(" (dry run)", len(request.URL.Query()["dryRun"]))
			r.made = append(r.made, request.Method+" "+request.URL.Path+dry)
			r.mutex.Unlock()
		}
		return next.RoundTrip(request)
	})
}

// all are the requests so far.
func (r *requests) all() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string{}, r.made...)
}

// writes are the requests so far that could change something.
func (r *requests) writes() []string {
	var writes []string
	for _, made := range r.all() {
		if !strings.HasPrefix(made, http.MethodGet) {
			writes = append(writes, made)
		}
	}
	return writes
}

// settled waits until the controllers have made no request for a while.
func (w *world) settled() {
	w.Helper()
	const quiet = 2500 * time.Millisecond // longer than counts are put off
	last, since := len(w.requests.all()), time.Now()
	for deadline := time.Now().Add(patience); time.Since(since) < quiet; time.Sleep(50 * time.Millisecond) {
		if now := len(w.requests.all()); now != last {
			last, since = now, time.Now()
		}
		if time.Now().After(deadline) {
			w.Fatalf("the controllers never come to rest; the last requests: %v", tail(w.requests.all(), 20))
		}
	}
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// A class that starts costs the API server few writes, and one that runs none.
func TestSettledMeansSilent(t *testing.T) {
	const size, budget = 24, 6
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), w.course())
	for _, s := range class(size) {
		w.make(s)
	}
	for _, s := range class(size) {
		w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	w.settled()
	writes := w.requests.writes()
	t.Logf("%d Userlands from creation to settled: %d writes (%.2f each), %d requests: %v",
		size, len(writes), float64(len(writes))/size, len(w.requests.all()), byKind(w.requests.all()))
	if len(writes) > size*budget {
		t.Errorf("%d writes for %d Userlands, want at most %d each: %v", len(writes), size, budget, byKind(writes))
	}

	before := len(w.requests.all())
	time.Sleep(3 * time.Second)
	if more := w.requests.all()[before:]; len(more) > 0 {
		t.Errorf("settled, the controllers still ask: %v", more)
	}

	w.stop()
	w.start()
	w.settled()
	if writes := w.requests.writes(); len(writes) > 0 {
		t.Errorf("started again with nothing to do, the controllers write: %v", writes)
	}
	if reads := byKind(w.requests.all()); len(w.requests.all()) > 30 {
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
