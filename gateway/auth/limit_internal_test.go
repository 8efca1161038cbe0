package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Whatever a neighbour behind the same address sends, the class logs in. Each attack sends
// 300 callbacks, and afterwards 30 others log in.
func TestNobodyKeepsTheirNeighboursFromLoggingIn(t *testing.T) {
	for name, attack := range map[string]func(*world) *httptest.ResponseRecorder{
		"without state or cookie": func(w *world) *httptest.ResponseRecorder {
			return w.browser().get(deskURL + "/callback/campus?code=x&state=forged")
		},
		"with a state of another browser": func(w *world) *httptest.ResponseRecorder {
			return w.browser().get(back(w.browser().get(deskURL+"/login").Header().Get("Location"), "x"))
		},
		"with a code that the provider refuses, each of a new browser": func(w *world) *httptest.ResponseRecorder {
			b := w.browser()
			return b.get(back(b.get(deskURL+"/login").Header().Get("Location"), " refused"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Limit = LimitConfig{PerSecond: 1, Burst: 10} })
			limited := 0
			for range 300 {
				if attack(w).Code == http.StatusTooManyRequests {
					limited++
				}
			}
			if limited != 290 {
				t.Errorf("%d of 300 failures were refused by the limit, want 290", limited)
			}
			for i := range 30 {
				b := w.browser()
				b.want(b.follow(fmt.Sprintf("student%d", i), deskURL+"/"), http.StatusOK, "hello student")
			}
		})
	}
}

// One browser that repeats its callback is refused after a while, and nobody else is.
func TestLoginsOfOneBrowserAreBounded(t *testing.T) {
	w := newWorld(t)
	b, other := w.browser(), w.browser()
	there := b.get(deskURL + "/login").Header().Get("Location")
	login := b.cookies["desk.test"][loginCookie]
	limited := 0
	for range 300 {
		b.cookies["desk.test"] = map[string]string{loginCookie: login}
		if b.get(back(there, "mallory")).Code == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 300-browserBurst {
		t.Errorf("%d of 300 callbacks of one browser were refused, want %d", limited, 300-browserBurst)
	}
	begun := 0
	for range 300 {
		b.cookies["desk.test"] = map[string]string{loginCookie: login}
		if b.get(deskURL+"/login").Code == http.StatusSeeOther {
			begun++
		}
	}
	if begun != browserBurst {
		t.Errorf("the browser began %d logins of 300, want %d", begun, browserBurst)
	}
	other.want(other.follow("alice", deskURL+"/"), http.StatusOK, "hello alice")
}

// A class of 300 behind one address logs in within a minute.
func TestAClassLogsInWithinAMinute(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		b := w.browser()
		b.want(b.follow(fmt.Sprintf("student%d", i), alicesURL+"/"), http.StatusOK, "hello student")
		w.now.SetTime(w.now.Now().Add(time.Minute / 300))
	}
}

// The page of a refused login tries again by itself, and so does a program.
func TestRefusedLoginsTryAgainByThemselves(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limit = LimitConfig{PerSecond: 1, Burst: 1} })
	forged := deskURL + "/callback/campus?code=x&state=forged"
	w.browser().get(forged)
	rw := w.browser().get(forged)
	if rw.Code != http.StatusTooManyRequests || rw.Header().Get("Retry-After") == "" || rw.Header().Get("Refresh") != "5; url=/" || !strings.Contains(rw.Body.String(), "by itself") {
		t.Errorf("answered %d %v %s", rw.Code, rw.Header(), rw.Body)
	}
}

func TestFailuresAreThoseOfANetwork(t *testing.T) {
	for _, test := range []struct {
		name, one, other string
		shared           bool
	}{
		{"one IPv4 address", "198.51.100.9", "198.51.100.9", true},
		{"two IPv4 addresses", "198.51.100.9", "198.51.100.10", false},
		{"two addresses of one IPv6 network", "2001:db8:1:2::1", "2001:db8:1:2:ffff::7", true},
		{"two IPv6 networks", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Limit = LimitConfig{PerSecond: 1, Burst: 1} })
			address := test.one
			w.desk.address = func(*http.Request) string { return address } // as the router finds it
			forged := deskURL + "/callback/campus?code=x&state=forged"
			w.browser().get(forged)
			address = test.other
			if limited := w.browser().get(forged).Code == http.StatusTooManyRequests; limited != test.shared {
				t.Errorf("the second is refused: %v, want %v", limited, test.shared)
			}
		})
	}
}

// Logins of one address wait for their turn at the provider, and all have it.
func TestLoginsOfOneAddressTakeTurns(t *testing.T) {
	var turns turns
	var mu sync.Mutex
	now, most := 0, 0
	var all sync.WaitGroup
	for range 10 * exchanges {
		all.Go(func() {
			end, ok := turns.take(t.Context(), "one")
			if !ok {
				t.Error("a login had no turn")
				return
			}
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			end()
		})
	}
	all.Wait()
	if most > exchanges || most < 2 || len(turns.byAddress) != 0 {
		t.Errorf("%d at a time, want at most %d; %d addresses are remembered", most, exchanges, len(turns.byAddress))
	}
}
