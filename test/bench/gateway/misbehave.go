package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// misdeeds lists the answers of a hostile carrel by path.
var misdeeds = map[string]func(http.ResponseWriter, *http.Request){
	// It accepts the request and says nothing.
	"/silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	// It sends large headers, and a body that never ends.
	"/large": func(rw http.ResponseWriter, r *http.Request) {
		for i := range 15 {
			rw.Header().Set(fmt.Sprint("X-Large-", i), strings.Repeat("x", 4<<10))
		}
		flood(rw, r)
	},
	// It sends larger headers than any browser takes.
	"/larger": func(rw http.ResponseWriter, _ *http.Request) {
		for i := range 60 {
			rw.Header().Set(fmt.Sprint("X-Large-", i), strings.Repeat("x", 4<<10))
		}
	},
	// It sends a body without end, as fast as it is taken.
	"/endless": flood,
	// It sends a byte now and then.
	"/slow": func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(rw, "x")
			_ = http.NewResponseController(rw).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	},
	// It closes the connection instead of an answer.
	"/close": raw(""),
	// It switches to a protocol that nobody asked for.
	"/switch": raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"),
	// It says what is no HTTP.
	"/garbage": raw(strings.Repeat("\x00garbage", 1000)),
	// It sends early hints without end.
	"/early": func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			rw.WriteHeader(http.StatusEarlyHints)
			time.Sleep(10 * time.Millisecond)
		}
	},
}

// misbehave reports whether it answered the request as a hostile carrel.
func misbehave(rw http.ResponseWriter, r *http.Request) bool {
	do, found := misdeeds[r.URL.Path]
	if found {
		do(rw, r)
	}
	return found
}

func flood(rw http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := rw.Write(body); err != nil {
			return
		}
	}
}

// raw returns a handler that answers with these bytes, and closes the connection.
func raw(text string) func(http.ResponseWriter, *http.Request) {
	return func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer func(c net.Conn) { _ = c.Close() }(conn)
		_, _ = io.WriteString(conn, text)
	}
}
