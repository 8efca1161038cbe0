package route_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/route"
)

// hanging is a carrel that begins an answer and never ends it, except at /quick.
type hanging struct{ asked atomic.Int64 }

func (h *hanging) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/quick" {
		return
	}
	h.asked.Add(1)
	rw.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(rw).Flush()
	<-r.Context().Done()
}

// boundedWorld is a world whose router has bounds. Ken's carrel runs too, and is served
// by the same program as hana's.
func boundedWorld(t *testing.T, carrel http.Handler, b route.Bounds) *world {
	t.Helper()
	w := newWorldWith(t, carrel, func(rt *route.Router) { rt.Bounds = b })
	c, _ := w.cluster.Carrel("prog1", "hana")
	w.cluster.Set(userland("ken", v1alpha1.StateRunning), c.Target)
	return w
}

// start sends a request without waiting for the end of its answer, and returns its status.
func (w *world) start(ctx context.Context, user string) (int, http.Header) {
	w.t.Helper()
	r := w.request(http.MethodGet, user, hanas, "/", nil).WithContext(ctx) //nolint:contextcheck // The context is set here.
	r.Header.Set("Accept", "text/html")
	res, err := (&http.Client{Transport: w.transport()}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	return res.StatusCode, res.Header
}

// A user whose requests never end is refused more. Others, and the user's own desk, are
// served as before. When the requests end, the user is served again.
func TestRequestsOfOneUserAreBounded(t *testing.T) {
	carrel := &hanging{}
	w := boundedWorld(t, carrel, route.Bounds{UserRequests: 10})
	ctx, end := context.WithCancel(t.Context())
	refused := 0
	for range 50 {
		switch status, header := w.start(ctx, "hana"); {
		case status == http.StatusTooManyRequests && header.Get("Retry-After") != "" && header.Get("Refresh") != "":
			refused++
		case status != http.StatusOK:
			t.Fatalf("answered %d %v", status, header)
		}
	}
	if refused != 40 || carrel.asked.Load() != 10 {
		t.Errorf("of 50 requests %d were refused, and %d reached the carrel; want 40 and 10", refused, carrel.asked.Load())
	}
	if res, _ := w.get("ken", kens, "/quick"); res.StatusCode != http.StatusOK {
		t.Errorf("a neighbour is answered %d", res.StatusCode)
	}
	if res, _ := w.get("hana", desk, "/"); res.StatusCode != http.StatusOK {
		t.Errorf("the desk answers the same user %d", res.StatusCode)
	}
	end()
	until(t, "the user is served again", func() bool {
		res, _ := w.get("hana", hanas, "/quick")
		return res.StatusCode == http.StatusOK
	})
}

func TestRequestsToOneCarrelAndInAllAreBounded(t *testing.T) {
	for _, test := range []struct {
		name   string
		bounds route.Bounds
		// neighbour is the status that ken is answered after hana and a teacher have
		// filled hana's carrel.
		refused, neighbour int
	}{
		{"one carrel", route.Bounds{CarrelRequests: 4}, http.StatusTooManyRequests, http.StatusOK},
		{"in all", route.Bounds{Requests: 4}, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := boundedWorld(t, &hanging{}, test.bounds)
			w.staff["teacher"] = true
			for i, user := range []string{"hana", "teacher", "hana", "teacher", "hana"} {
				want := http.StatusOK
				if i == 4 {
					want = test.refused
				}
				if status, _ := w.start(t.Context(), user); status != want {
					t.Errorf("request %d is answered %d, want %d", i, status, want)
				}
			}
			if res, _ := w.get("ken", kens, "/quick"); res.StatusCode != test.neighbour {
				t.Errorf("the neighbour is answered %d, want %d", res.StatusCode, test.neighbour)
			}
		})
	}
}

func TestWebSocketsAreBounded(t *testing.T) {
	for _, test := range []struct {
		name            string
		bounds          route.Bounds
		own, neighbours int
	}{
		{"of one user", route.Bounds{UserSockets: 3}, http.StatusTooManyRequests, http.StatusSwitchingProtocols},
		{"to one carrel", route.Bounds{CarrelSockets: 3}, http.StatusTooManyRequests, http.StatusSwitchingProtocols},
		{"in all", route.Bounds{Sockets: 3}, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := boundedWorld(t, echo, test.bounds)
			first := w.mustDial("hana")
			w.mustDial("hana")
			w.mustDial("hana")
			if _, res, _ := w.dial("hana", hanas, "https://"+hanas); res == nil || res.StatusCode != test.own || res.Header.Get("Retry-After") == "" {
				t.Errorf("the fourth is answered %v, want %d with Retry-After", res, test.own)
			}
			if _, res, _ := w.dial("ken", kens, "https://"+kens); res == nil || res.StatusCode != test.neighbours {
				t.Errorf("the neighbour's is answered %v, want %d", res, test.neighbours)
			}
			_ = first.Close(websocket.StatusNormalClosure, "")
			until(t, "there is room for another", func() bool {
				_, res, _ := w.dial("hana", hanas, "https://"+hanas)
				return res != nil && (res.StatusCode == http.StatusSwitchingProtocols || test.name == "in all" && res.StatusCode == test.own)
			})
		})
	}
}

// A class behind one address logs in although a neighbour there sends requests without end.
// What counts for an address are the requests without a login that are under way.
func TestRequestsWithoutALoginAreBoundedByAddress(t *testing.T) {
	carrel := &hanging{}
	w := boundedWorld(t, carrel, route.Bounds{AddressRequests: 3})
	for range 10 { // these are logged in, and do not count for the address
		if status, _ := w.start(t.Context(), "hana"); status != http.StatusOK {
			t.Fatalf("a request with a login is answered %d", status)
		}
	}
	for range 300 {
		if res, _ := w.get("", desk, "/"); res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a request without a login is answered %d", res.StatusCode)
		}
	}
}

// Headers of a carrel that are larger than the bound are refused, and not kept.
func TestLargeHeadersOfACarrelAreRefused(t *testing.T) {
	for size, want := range map[int]int{48 << 10: http.StatusOK, 80 << 10: http.StatusServiceUnavailable} {
		w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Large", strings.Repeat("x", size))
		}))
		if res, _ := w.get("hana", hanas, "/"); res.StatusCode != want {
			t.Errorf("headers of %d bytes are answered %d, want %d", size, res.StatusCode, want)
		}
	}
}

// While memory is short, who has much under way is refused more; who has little is served.
// Close to the limit everybody is refused, with an answer.
func TestRequestsAreShedBeforeMemoryRunsOut(t *testing.T) {
	var used atomic.Uint64
	w := newWorldWith(t, &hanging{}, func(rt *route.Router) { rt.Memory = limit.NewMemory(100, used.Load) })
	for range 8 {
		if status, _ := w.start(t.Context(), "hana"); status != http.StatusOK {
			t.Fatalf("answered %d while there is enough", status)
		}
	}
	expect := func(user, host string, want int) {
		t.Helper()
		until(t, user+" is answered "+strconv.Itoa(want), func() bool {
			res, _ := w.get(user, host, "/quick")
			return res.StatusCode == want
		})
	}
	used.Store(85)
	expect("hana", hanas, http.StatusServiceUnavailable)
	w.staff["teacher"] = true
	expect("teacher", hanas, http.StatusOK)
	used.Store(95)
	expect("teacher", hanas, http.StatusServiceUnavailable)
	used.Store(10)
	expect("hana", hanas, http.StatusOK)
}

// The page of a refusal has a way on: to the visitor's carrels, and to another login.
func TestRefusalsHaveAWayOn(t *testing.T) {
	w := boundedWorld(t, &hanging{}, route.Bounds{UserRequests: 1})
	w.start(t.Context(), "hana")
	for _, test := range []struct {
		user, language string
		status         int
		text           string
	}{
		{"hana", "en", http.StatusTooManyRequests, "You have too much open"},
		{"hana", "ja", http.StatusTooManyRequests, "開いているものが多すぎます"},
		{"ken", "en", http.StatusForbidden, "This is not yours to open"},
		{"ken", "ja", http.StatusForbidden, "別の利用者でログインする"},
	} {
		r := w.request(http.MethodGet, test.user, hanas, "/", nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Language", test.language)
		res, body := w.do(r)
		if res.StatusCode != test.status || !strings.Contains(body, test.text) ||
			!strings.Contains(body, `href="https://`+desk+`/"`) || !strings.Contains(body, `href="https://`+desk+`/logout"`) {
			t.Errorf("%s is answered %d in %s:\n%s", test.user, res.StatusCode, test.language, body)
		}
	}
}
