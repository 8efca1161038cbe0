package route_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/route"
)

// closedPort returns an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// given returns the Userland of a carrel that the roster has given to another user.
func given(carrel, to string) *v1alpha1.Userland {
	u := userland(carrel, v1alpha1.StateRunning)
	u.Spec.User = to
	return u
}

// A visitor waits for their carrel, and meanwhile the roster gives it to another user. When
// it is ready, the request does not reach it.
func TestACarrelGivenToAnotherWhileSomebodyWaits(t *testing.T) {
	carrel := &heard{}
	w := newWorld(t, carrel)
	hana, _ := w.cluster.Carrel("prog1", "hana")
	changed, stop := w.cluster.Watch("prog1")
	defer stop()
	go func() {
		<-changed // the visit has woken the carrel, so the visitor waits
		w.cluster.Set(given("ken", "mori"), hana.Target)
	}()
	if res, body := w.get("ken", kens, "/"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the visitor who waited is answered %d %q, want 503", res.StatusCode, body)
	}
	if asked := carrel.asked(); len(asked) != 0 {
		t.Errorf("the carrel of another user was asked %q", asked)
	}
}

// A carrel refuses connections, and while the request is retried the roster gives the carrel
// to another user. The request does not reach it, and ends soon.
func TestACarrelGivenToAnotherWhileARequestIsRetried(t *testing.T) {
	for name, away := range map[string]func(w *world, target string){
		"and it runs": func(w *world, target string) { w.cluster.Set(given("hana", "mori"), target) },
		"after it was removed": func(w *world, target string) {
			w.cluster.Remove("prog1", "hana")
			w.cluster.Set(given("hana", "mori"), target)
		},
	} {
		t.Run(name, func(t *testing.T) {
			carrel := &heard{}
			w := newWorld(t, carrel)
			hana, _ := w.cluster.Carrel("prog1", "hana")
			target := hana.Target
			w.cluster.Set(userland("hana", v1alpha1.StateRunning), closedPort(t))
			go func() {
				time.Sleep(300 * time.Millisecond) // the first dial fails at once
				away(w, target)
			}()
			began := time.Now()
			res, body := w.get("hana", hanas, "/")
			if res.StatusCode != http.StatusServiceUnavailable || time.Since(began) > 8*time.Second {
				t.Errorf("after %v the visitor is answered %d %q, want 503 soon", time.Since(began), res.StatusCode, body)
			}
			if asked := carrel.asked(); len(asked) != 0 {
				t.Errorf("the carrel of another user was asked %q", asked)
			}
		})
	}
}

// While a carrel has no address, its last one is not dialled: another pod may have it.
func TestAnAddressThatWasGivenUpIsNotDialled(t *testing.T) {
	carrel := &heard{}
	w := newWorld(t, carrel)
	address := closedPort(t)
	w.cluster.Set(userland("hana", v1alpha1.StateRunning), address)
	go func() {
		time.Sleep(300 * time.Millisecond)
		w.cluster.Set(userland("hana", v1alpha1.StateAsleep), "")
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		go func() { _ = http.Serve(l, carrel) }() //nolint:gosec // a test's own
		t.Cleanup(func() { _ = l.Close() })
	}()
	if res, _ := w.get("hana", hanas, "/"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", res.StatusCode)
	}
	if asked := carrel.asked(); len(asked) != 0 {
		t.Errorf("the pod that has the address now was asked %q", asked)
	}
}

// Upgrades to anything but a WebSocket do not reach the carrel as upgrades.
func TestOnlyWebSocketsAreUpgrades(t *testing.T) {
	for _, protocol := range []string{"h2c", "TLS/1.0", "foo", "websocket, h2c"} {
		carrel := &heard{}
		w := newWorld(t, carrel)
		r := w.request(http.MethodGet, "hana", hanas, "/", nil)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", protocol)
		r.Header.Set("Origin", "https://"+hanas)
		w.do(r)
		if got := carrel.last(t).Header.Get("Upgrade"); got != "" {
			t.Errorf("an upgrade to %q reaches the carrel as %q", protocol, got)
		}
	}
}

// A visit of staff that lasts is recorded again every ten minutes.
func TestALongVisitIsRecordedAgain(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0).Truncate(10 * time.Minute))
	w := newWorldWith(t, hello, func(rt *route.Router) { rt.Clock = now })
	w.staff["teacher"] = true
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {9 * time.Minute, 1}, {time.Minute, 2}, {5 * time.Minute, 2}, {5 * time.Minute, 3}} {
		now.SetTime(now.Now().Add(step.after))
		w.get("teacher", hanas, "/")
		if got := len(w.cluster.Events(audit.OpenedReason)); got != step.want {
			t.Errorf("%v later there are %d records, want %d", step.after, got, step.want)
		}
	}
}

// A carrel that accepts a request and says nothing is a page with a way to restart it. What a
// program asks, and an answer that has begun, may take any time.
func TestACarrelThatSaysNothing(t *testing.T) {
	release := make(chan struct{})
	w := newWorldWith(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			rw.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(rw).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		_, _ = rw.Write([]byte("at last"))
	}), func(rt *route.Router) { rt.SilentFor = 100 * time.Millisecond })
	ask := func(path, accept, language string) (*http.Response, string) {
		r := w.request(http.MethodGet, "hana", hanas, path, nil)
		r.Header.Set("Accept", accept)
		r.Header.Set("Accept-Language", language)
		return w.do(r)
	}
	for language, text := range map[string]string{"en": "Your carrel says nothing", "ja": "環境から応答がありません"} {
		res, body := ask("/", "text/html", language)
		if res.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, text) || !strings.Contains(body, `href="https://`+desk+`/courses/prog1/carrels/hana"`) {
			t.Errorf("the page is answered %d in %s: %s", res.StatusCode, language, body)
		}
	}
	time.AfterFunc(300*time.Millisecond, func() { close(release) })
	for path, accept := range map[string]string{"/begun": "text/html", "/": "application/json"} {
		if res, body := ask(path, accept, "en"); res.StatusCode != http.StatusOK || body != "at last" {
			t.Errorf("%s for %s is answered %d %q", path, accept, res.StatusCode, body)
		}
	}
}

// A gateway that heard nothing of the API server for long dials no address: another pod may
// have it. What is open goes on.
func TestAddressesThatAreTooOldAreNotDialled(t *testing.T) {
	w := newWorld(t, echo)
	conn := w.mustDial("hana")
	w.cluster.Hear(time.Now().Add(-time.Hour))
	if res, _ := w.get("hana", hanas, "/"); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d", res.StatusCode)
	}
	if err := exchange(t.Context(), conn, []byte("still here")); err != nil {
		t.Errorf("what was open: %v", err)
	}
	w.cluster.Hear(time.Now())
	conn = w.mustDial("hana")
	if err := exchange(t.Context(), conn, []byte("again")); err != nil {
		t.Error(err)
	}
}
