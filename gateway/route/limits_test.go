package route_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hijacked is a carrel that writes raw bytes as its answer, and keeps the connection open
// until the other end closes it.
func hijacked(answer string, gone chan<- struct{}) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = buffered.WriteString(answer)
		_ = buffered.Flush()
		_, _ = io.Copy(io.Discard, buffered)
		gone <- struct{}{}
	})
}

// An answer that switches protocols without a request for it, or to another protocol, is
// refused. Its connection is closed, or each such answer would hold one forever.
func TestProtocolsNobodyAskedFor(t *testing.T) {
	for _, test := range []struct{ name, asked, answered string }{
		{"of a request that asks for none", "", "websocket"},
		{"to another protocol", "websocket", "h2c"},
		{"to one that is no word", "websocket", "web\xffsocket"},
	} {
		t.Run(test.name, func(t *testing.T) {
			gone := make(chan struct{}, 1)
			w := newWorld(t, hijacked("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+test.answered+"\r\n\r\n", gone))
			r := w.request(http.MethodGet, "hana", hanas, "/", nil)
			if test.asked != "" {
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", test.asked)
				r.Header.Set("Origin", "https://"+hanas)
			}
			if res, _ := w.do(r); res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("answered %d, want 503", res.StatusCode)
			}
			select {
			case <-gone:
			case <-time.After(30 * time.Second):
				t.Error("the connection to the carrel stays open")
			}
			if open := w.openSockets(); open != 0 {
				t.Errorf("%d connections are counted as open", open)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			w.router.Drain(ctx, 0)
			if ctx.Err() != nil {
				t.Error("the drain waits for it")
			}
		})
	}
}

// A visitor who loses the right is disconnected also if the Close frame can't be sent: when
// the carrel never ends its frame, or the visitor reads nothing.
func TestConnectionsEndWithoutGoodbye(t *testing.T) {
	for name, answer := range map[string]string{
		"in a frame that never ends":     "\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xffabc",
		"to a visitor who reads nothing": "\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xff" + strings.Repeat("x", 32<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{}, 1)
			w := newWorld(t, hijacked("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"+answer, gone))
			w.staff["teacher"] = true
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+hanas+"\r\n"+asHeader+": teacher\r\n"+secretHeader+": "+secret+"\r\nOrigin: https://"+hanas+
				"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			until(t, "the connection is open", func() bool { return w.openSockets() == 1 })
			time.Sleep(100 * time.Millisecond)
			w.staff["teacher"] = false
			w.router.Review(t.Context())
			ended := time.Now()
			for time.Since(ended) < time.Minute {
				if w.openSockets() == 0 {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("after a minute the connection is still open")
		})
	}
}

// The early hints of a carrel can't set or delete the gateway's cookies.
func TestEarlyHintsCarryNothingOfOurs(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Set-Cookie", "__Host-carrel-here=stolen; Path=/; Secure")
		rw.Header().Set("Clear-Site-Data", `"cookies"`)
		rw.WriteHeader(http.StatusEarlyHints)
		rw.Header().Del("Set-Cookie")
		rw.Header().Del("Clear-Site-Data")
	}))
	answer := w.raw("GET / HTTP/1.1\r\nHost: " + hanas + "\r\n" + asHeader + ": hana\r\n" + secretHeader + ": " + secret + "\r\n\r\n")
	if strings.Contains(answer, "stolen") || strings.Contains(answer, "Clear-Site-Data") {
		t.Errorf("a carrel set or deletes cookies of ours:\n%s", answer)
	}
}

// Made-up addresses send no requests to the API server.
func TestAddressesMadeUpAskNobody(t *testing.T) {
	w := newWorld(t, &heard{})
	for _, a := range []struct {
		host, path string
		status     int
	}{
		{"a1--nosuch." + domain, "/", 403}, {"a2--nosuch." + domain, "/", 403}, {"a3--nowhere." + domain, "/", 403},
		{desk, "/courses/nosuch", 200}, {desk, "/courses/nowhere", 200},
	} {
		r := w.request(http.MethodGet, "hana", a.host, a.path, nil)
		r.Header.Set("Accept", "text/html")
		if res, _ := w.do(r); res.StatusCode != a.status {
			t.Errorf("%s%s is answered %d, want %d", a.host, a.path, res.StatusCode, a.status)
		}
	}
	if n := w.cluster.Reviews(); n != 0 {
		t.Errorf("the API server was asked %d times", n)
	}
}

// An upload to a carrel may take any time.
func TestUploadsTakeAsLongAsTheyTake(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.Copy(rw, r.Body) }))
	w.router.BodyWithin = 50 * time.Millisecond
	body, upload := io.Pipe()
	go func() {
		for range 3 {
			time.Sleep(100 * time.Millisecond) // longer than nobody would wait
			_, _ = io.WriteString(upload, "x")
		}
		_ = upload.Close()
	}()
	r := w.request(http.MethodPost, "hana", hanas, "/", body)
	r.Header.Set("Origin", "https://"+hanas)
	if res, got := w.do(r); res.StatusCode != http.StatusOK || got != "xxx" {
		t.Errorf("answered %d %q", res.StatusCode, got)
	}
}

// A body that never comes does not hold a request that nobody reads.
func TestBodiesNobodyWantsAreNotWaitedFor(t *testing.T) {
	w := newWorld(t, &heard{})
	w.router.BodyWithin = 200 * time.Millisecond
	for _, host := range []string{desk, hanas} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "POST /logout HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 10\r\n\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if answer, err := io.ReadAll(conn); err != nil {
			t.Errorf("at %s the connection stays, answered %q: %v", host, answer, err)
		}
		_ = conn.Close()
	}
}
