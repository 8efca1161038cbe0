package reporter

import (
	"fmt"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
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

// A reporter that died between a post and its record asks for the newest status of the commit,
// and posts only what is true by then and not there.
func TestRequestsAfterADeath(t *testing.T) {
	for name, test := range map[string]struct {
		then  func(w *world)
		want  int
		state forge.State
	}{
		"nothing happens":     {func(*world) {}, 1, forge.Failure},
		"all is well by then": {func(w *world) { w.runs(0) }, 2, forge.Success},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.userlands(1)
			w.runs(0)
			commit := w.commit("first", "r1", "t1")
			w.reconcile()
			w.becomes(0, v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason)
			w.restart()
			w.dieAt(afterPost)
			mayDie(func() { w.reconcile() })
			test.then(w)
			w.restart()
			before := w.forge.Requests()
			w.reconcile()
			posted := w.forge.Posted(commit)
			if n, state := w.forge.Requests()-before, posted[len(posted)-1].State; n != test.want || state != test.state {
				t.Errorf("%d requests and a %s in the end, want %d and a %s", n, state, test.want, test.state)
			}
		})
	}
}

// afterPost is the moment between the post and its record, if nothing is superseded.
const afterPost = 4

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
