package observe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/gateway/observe"
)

// A request is counted by its status, with the time until the answer began.
func TestWhatIsCounted(t *testing.T) {
	now := clocktesting.NewFakeClock(time.Unix(1_800_000_000, 0))
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		code    string
		first   float64
	}{
		{"an answer", func(rw http.ResponseWriter, _ *http.Request) {
			now.Step(time.Second)
			rw.WriteHeader(http.StatusNotFound)
			now.Step(time.Hour)
		}, "404", 1},
		{"a WebSocket that is open for an hour", func(rw http.ResponseWriter, _ *http.Request) {
			now.Step(time.Second)
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			now.Step(time.Hour)
			_ = conn.Close()
		}, "101", 1},
		{"a status made up", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(777) }, "other", 0},
		{"a visitor who left", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(499) }, "499", 0},
		{"a program that fails", func(http.ResponseWriter, *http.Request) {
			now.Step(time.Second)
			panic(http.ErrAbortHandler)
		}, "500", 1},
		{"one that fails in the middle", func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = rw.Write([]byte("x"))
			panic(http.ErrAbortHandler)
		}, "200", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			server := httptest.NewServer(observe.Handler(observe.NewMetrics(registry), now, observe.NewAccessLog(io.Discard), test.handler))
			if res, err := http.Get(server.URL); err == nil { //nolint:noctx // of a test
				_ = res.Body.Close()
			}
			server.Close()
			metrics, err := registry.Gather()
			for range 30_000 { // a handler that hijacked is not waited for
				if err != nil || len(metrics) > 1 {
					break
				}
				time.Sleep(time.Millisecond)
				metrics, err = registry.Gather()
			}
			if err != nil {
				t.Fatal(err)
			}
			var code string
			var first float64
			for _, family := range metrics {
				for _, m := range family.GetMetric() {
					for _, l := range m.GetLabel() {
						if l.GetName() == "code" {
							code = l.GetValue()
						}
					}
					if family.GetName() == "carrel_gateway_first_byte_seconds" {
						first = m.GetHistogram().GetSampleSum()
					}
				}
			}
			if code != test.code || first != test.first {
				t.Errorf("counted as %s after %v s, want %s after %v s", code, first, test.code, test.first)
			}
		})
	}
}
