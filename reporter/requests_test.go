package reporter

import (
	"fmt"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// What a commit costs the forge, in requests and in posts on the commit. The figures are in
// docs/performance.md.
func TestRequestsToTheForge(t *testing.T) {
	foreign := func(w *world) {
		for i := range 24 {
			hash := w.forge.Write(fmt.Sprint("foreign", i), map[string]string{"courses/other/x": fmt.Sprint(i)})
			w.applies("roster", hash, "r2")
			w.reconcile()
			w.applies("templates", hash, "t1")
			w.reconcile()
			w.pass(5 * time.Second)
		}
	}
	for name, test := range map[string]struct {
		ready               int
		then                func(w *world)
		mostRequests, posts int
	}{
		"a commit alone that is ready at once":                         {24, func(*world) {}, 3, 1},
		"a class of 24 of which one is ready every 5 seconds":          {0, oneByOne, 5, 3},
		"24 commits of others within two minutes, while it is ready":   {24, foreign, 3, 1},
		"24 commits of others within two minutes, while it is pending": {23, foreign, 3, 1},
		"a carrel that fails and is mended ten times":                  {24, failsAndMends, 8, 6},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.userlands(24)
			w.runs(upTo(24)...)
			w.commit("first", "r1", "t1")
			w.reconcile()
			w.pass(time.Minute)
			before := w.forge.Requests()
			for i := test.ready; i < 24; i++ {
				w.becomes(i, v1alpha1.StateStarting, v1alpha1.StartingReason)
			}
			commit := w.commit("second", "r2", "t1")
			w.reconcile()
			test.then(w)
			requests, posts := w.forge.Requests()-before, len(w.forge.Posted(commit))
			t.Logf("%d requests, %d posts on the commit", requests, posts)
			if requests > test.mostRequests || posts > test.posts {
				t.Errorf("%d requests and %d posts on the commit, want at most %d and %d", requests, posts, test.mostRequests, test.posts)
			}
		})
	}
}

func upTo(n int) (numbers []int) {
	for i := range n {
		numbers = append(numbers, i)
	}
	return numbers
}

// oneByOne has one carrel after the other become ready.
func oneByOne(w *world) {
	for i := range 24 {
		w.pass(5 * time.Second)
		w.runs(i)
		w.reconcile()
	}
}

// failsAndMends has a carrel fail and run in turn.
func failsAndMends(w *world) {
	for range 10 {
		w.pass(time.Minute)
		w.becomes(0, v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason)
		w.reconcile()
		w.pass(time.Minute)
		w.runs(0)
		w.reconcile()
	}
}
