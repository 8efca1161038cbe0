package board_test

import (
	"regexp"
	"testing"
	"time"
)

// Behind a load balancer that takes turns, a page loaded from one replica listens at
// another: to load it anew would begin that again.
func TestAPageListensAtAnotherReplica(t *testing.T) {
	w := lab()
	since := regexp.MustCompile(`since=([0-9a-f]+\.\d+)`).FindStringSubmatch(w.get(teacher, "/courses/prog1", "en").Body.String())[1]
	w.board = w.newBoard()
	w.board.Clock, w.board.Tick = nil, time.Millisecond
	first := listen(t, w, since).next()
	if first.name != "change" || len(first.change.Seats) != len(w.In(course)) {
		t.Errorf("it is told %q with %d seats, want a change of all %d", first.name, len(first.change.Seats), len(w.In(course)))
	}
	// What came or went meanwhile moves seats.
	w.Remove(course, "24t0104")
	if gone := listen(t, w, since).next(); gone.name != "layout" {
		t.Errorf("after one has gone it is told %q, want layout", gone.name)
	}
}
