package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience is how long a test waits for what should happen at once.
const patience = time.Minute

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	t.Setenv("PS1", "")
	server := httptest.NewServer(terminal{shell: "/bin/sh", title: "koba1t"}.handler())
	t.Cleanup(server.Close)
	return server
}

func dial(t *testing.T, server *httptest.Server) (context.Context, *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	connection, _, err := websocket.Dial(ctx, server.URL+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.CloseNow() })
	return ctx, connection
}

func send(t *testing.T, ctx context.Context, connection *websocket.Conn, kind websocket.MessageType, text string) {
	t.Helper()
	if err := connection.Write(ctx, kind, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, ctx context.Context, connection *websocket.Conn, want string) {
	t.Helper()
	var printed strings.Builder
	for !strings.Contains(printed.String(), want) {
		_, message, err := connection.Read(ctx)
		if err != nil {
			t.Fatalf("shell never printed %q but %q: %v", want, printed.String(), err)
		}
		printed.Write(message)
	}
}

func TestShellRunsWhatIsTyped(t *testing.T) {
	ctx, connection := dial(t, serve(t))
	send(t, ctx, connection, websocket.MessageBinary, "echo answer $((6 * 7))\n")
	waitFor(t, ctx, connection, "answer 42")
}

func TestShellKnowsTheWindowSize(t *testing.T) {
	ctx, connection := dial(t, serve(t))
	send(t, ctx, connection, websocket.MessageText, `{"rows": 31, "cols": 97}`)
	send(t, ctx, connection, websocket.MessageBinary, "stty size\n")
	waitFor(t, ctx, connection, "31 97")
}

func TestEndOfShellEndsTheConnection(t *testing.T) {
	ctx, connection := dial(t, serve(t))
	send(t, ctx, connection, websocket.MessageBinary, "exit\n")
	for {
		if _, _, err := connection.Read(ctx); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("connection ended with %v, not normally", err)
			}
			return
		}
	}
}

func TestPageOfAnotherOriginIsRefused(t *testing.T) {
	server := serve(t)
	_, response, err := websocket.Dial(t.Context(), server.URL+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin got a shell, or another answer than forbidden: %v", err)
	}
}

func TestAnswersOverHTTP(t *testing.T) {
	tests := map[string]struct {
		status  int
		content string
	}{
		"/":        {http.StatusOK, "<title>koba1t</title>"},
		"/healthz": {http.StatusOK, "ok"},
		"/other":   {http.StatusNotFound, ""},
	}
	server := serve(t)
	for path, want := range tests {
		t.Run(path, func(t *testing.T) {
			response, err := http.Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != want.status || !strings.Contains(string(body), want.content) {
				t.Errorf("got %d and %q, want %d and a body with %q", response.StatusCode, body, want.status, want.content)
			}
		})
	}
}
