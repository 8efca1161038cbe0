package board_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
)

// The timeline begins when the gateway starts, even if nobody opens a board.
func TestRunCounts(t *testing.T) {
	w := newWorld(30)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.board.Run(ctx) }()
	for range 10 {
		for !w.clock.HasWaiters() {
			time.Sleep(time.Millisecond)
		}
		u := gatewaytest.Student(0, now)
		u.Status.State = v1alpha1.StateAsleep
		w.Set(u, "")
		w.clock.Step(30 * time.Second)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got := w.get(teacher, "/courses/prog1", "en").Body.String()
	if !strings.Contains(got, "as seen since 10:05") || !strings.Contains(got, `from 09:10 to 10:10`) {
		t.Errorf("the timeline does not begin at 10:05 and end at 10:10:\n%s", got[strings.Index(got, "<figure"):strings.Index(got, "</figure>")])
	}
}
