package main

import (
	"context"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
)

func TestDefectsAreLoggedForEverybody(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		seen    bool
	}{
		{"a defect", func(http.ResponseWriter, *http.Request) { panic("a defect") }, true},
		{"a visitor who left", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var said strings.Builder
			logger := funcr.New(func(_, line string) { said.WriteString(line) }, funcr.Options{})
			server := httptest.NewUnstartedServer(test.handler)
			server.Config.ErrorLog = log.New(serverLog{logger}, "", 0)
			server.Start()
			r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res, err := http.DefaultClient.Do(r); err == nil {
				_ = res.Body.Close()
			}
			server.Close()
			if seen := strings.Contains(said.String(), "a defect"); seen != test.seen || strings.Contains(said.String(), "127.0.0.1:") {
				t.Errorf("the log says %q", said.String())
			}
		})
	}
}
