package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestScrapeCountsOwnMetrics(t *testing.T) {
	served := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(served)
		_, _ = w.Write([]byte("# TYPE carrel_userlands gauge\ncarrel_userlands{course=\"a\"} 1\ncarrel_userlands{course=\"b\"} 2\n# TYPE go_threads gauge\n# TYPE carrel_volumes gauge\n"))
	}))
	defer server.Close()
	if n, err := scrape(t.Context(), server.URL); n != 2 || err != nil {
		t.Errorf("counted %d metrics (%v), want 2", n, err)
	}
	served = http.StatusForbidden
	if _, err := scrape(t.Context(), server.URL); err == nil {
		t.Error("a refusal is no error")
	}
}
