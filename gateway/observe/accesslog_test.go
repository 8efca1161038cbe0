package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/gateway/observe"
)

// Each of many requests has its line, whatever they have in common.
func TestAccessLogIsComplete(t *testing.T) {
	const requests = 20_000
	var out bytes.Buffer
	access := observe.NewAccessLog(&out)
	handler := observe.Handler(observe.NewMetrics(prometheus.NewRegistry()), clock.RealClock{}, access, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusNoContent)
	}))
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range requests / 10 {
				handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "https://desk.example.org/", nil))
			}
		})
	}
	all.Wait()
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := access.Run(ctx); err != nil { // the end of the program
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != requests {
		t.Errorf("%d requests gave %d lines", requests, lines)
	}
}

// A line says who, what and how, without path, query and address. What a visitor writes can't
// make a second line or another field.
func TestAccessLogLine(t *testing.T) {
	var out bytes.Buffer
	access := observe.NewAccessLog(&out)
	now := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	handler := observe.Handler(observe.NewMetrics(prometheus.NewRegistry()), now, access, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		observe.Note(r.Context(), "花\"\n", "prog1", "hana")
		now.SetTime(now.Now().Add(1500 * time.Millisecond))
		_, _ = rw.Write([]byte("12345"))
	}))
	r := httptest.NewRequest(http.MethodGet, "https://desk.example.org/secret?token=1", nil)
	r.Host = "a\",\"user\":\"admin"
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if err := access.Flush(); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("the line is no JSON: %v: %s", err, out.String())
	}
	for key, want := range map[string]any{
		"ts": "2027-01-15T08:00:01.500Z", "method": "GET", "host": r.Host, "proto": "HTTP/1.1", "status": 200.0, "bytes": 5.0, "seconds": 1.5,
		"user": "花\"\n", "course": "prog1", "carrel": "hana",
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if strings.Contains(out.String(), "secret") || strings.Contains(out.String(), "192.0.2.1") {
		t.Errorf("the line has a path or an address: %s", out.String())
	}
}
