package route_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/gateway/logouts"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/gateway/wait"
)

// A logout ends what its user has open within a moment: WebSockets, and answers without
// an end, of the carrel and of the gateway's own pages. What others have open goes on.
func TestLogoutEndsWhatIsOpen(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Now())
	var ended *logouts.Store
	var cookies func(string) http.Header
	w := newWorldWith(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket" {
			echo(rw, r)
			return
		}
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
	}), func(rt *route.Router) {
		rt.Clock = now
		ended, cookies = loginByCookie(t, rt, now)
	})
	w.staff["teacher"] = true
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.router.Run(ctx) }()
	defer func() { stop(); t.Log("the router ended:", <-done) }()

	socket, others := w.dialWith(cookies("hana")), w.dialWith(cookies("teacher"))
	stream := func(user, path string) io.ReadCloser {
		t.Helper()
		r := w.request(http.MethodGet, "", hanas, path, nil)
		r.Header = cookies(user)
		res, err := (&http.Client{Transport: w.transport()}).Do(r)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("a stream of %s: %v, %v", path, res, err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.Body
	}
	events, waiting, theirs := stream("hana", "/events"), stream("hana", wait.EventsPath), stream("teacher", "/events")
	if err := ended.EndAll(t.Context(), "hana", now.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the WebSocket ended by %v", err)
	}
	for name, body := range map[string]io.Reader{"of the carrel": events, "of the gateway": waiting} {
		over := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, body)
			close(over)
		}()
		select {
		case <-over:
		case <-time.After(10 * time.Second):
			t.Errorf("the stream %s goes on", name)
		}
	}
	if err := exchange(t.Context(), others, []byte("still here")); err != nil {
		t.Errorf("the WebSocket of another user: %v", err)
	}
	over := make(chan error, 1)
	go func() { _, err := theirs.Read(make([]byte, 1)); over <- err }()
	select {
	case err := <-over:
		t.Errorf("the stream of another user ended by %v", err)
	case <-time.After(100 * time.Millisecond):
	}
}
