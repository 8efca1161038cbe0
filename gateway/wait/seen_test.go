package wait_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// Who waits in front of an open page is seen, as long as the carrel is on its way. A page
// that was left open in front of one that is not keeps nothing awake.
func TestWhoWaitsIsSeen(t *testing.T) {
	for state, want := range map[string]int32{
		v1alpha1.StateQueued: 2, v1alpha1.StateStarting: 2,
		v1alpha1.StateAsleep: 0, v1alpha1.StateFailing: 0, v1alpha1.StateDisabled: 0,
	} {
		t.Run(state, func(t *testing.T) {
			w := waiter(class(carrel(state, "", "")))
			clock := testingclock.NewFakeClock(now)
			w.Clock = clock
			var seen atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w.Events(rw, r, course, name, func(directory.Carrel) { seen.Add(1) })
			}))
			t.Cleanup(server.Close)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = answer.Body.Close() }()
			lines := bufio.NewScanner(answer.Body)
			for lines.Scan() && lines.Text() != "" { // the first news
			}
			clock.Step(20 * time.Second)
			for lines.Scan() && strings.TrimSpace(lines.Text()) != ":" { // the next sign of life
			}
			if err := lines.Err(); err != nil {
				t.Fatal(err)
			}
			if seen.Load() != want {
				t.Errorf("seen %d times in 20 s, want %d", seen.Load(), want)
			}
		})
	}
}
