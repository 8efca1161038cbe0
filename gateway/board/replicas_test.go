package board_test

import (
	"regexp"
	"testing"
	"time"
)

// Behind a round-robin load balancer, a page that one replica served listens at another. It
// must not reload, since that would start the same again.
func TestAPageListensAtAnotherReplica(t *testing.T) {
	w := lab()
	since := regexp.MustCompile(`since=([0-9a-f]+\.\d+)`).FindStringSubmatch(w.get(teacher, "/courses/prog1", "en").Body.String())[1]
	w.board = w.newBoard()
	w.board.Clock, w.board.Tick = nil, time.Millisecond
	first := listen(t, w, since).next()
	if first.name != "change" || len(first.change.Seats) != len(w.InCourse(course)) {
		t.Errorf("it is told %q with %d seats, want a change of all %d", first.name, len(first.change.Seats), len(w.InCourse(course)))
	}
	// A carrel that was removed in between moves seats.
	w.Remove(course, "24t0104")
	if gone := listen(t, w, since).next(); gone.name != "layout" {
		t.Errorf("after one has gone it is told %q, want layout", gone.name)
	}
}
