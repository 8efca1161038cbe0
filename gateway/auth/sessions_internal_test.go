package auth

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// growing is a provider that, on a refresh, returns more groups than fit in a cookie.
type growing struct{ fake }

func (g *growing) refresh(context.Context, string) (Identity, string, error) {
	return Identity{User: "alice", Groups: []string{strings.Repeat("g", maxCookie)}}, "", nil
}

// A login that no longer fits in its cookie ends. With the old cookie in place, the login page
// and the desk would redirect the browser to each other forever.
func TestLoginThatGrewTooLargeEnds(t *testing.T) {
	w := newWorld(t)
	w.provider.token = "alice"
	b := w.browser()
	b.follow("alice", deskURL+"/")
	w.desk.providers["campus"].provider = &growing{}
	w.now.SetTime(w.now.Now().Add(61 * time.Minute))
	there := deskURL + "/"
	for range 8 {
		next := b.next(there, b.get(there))
		if next == "" || strings.HasPrefix(next, "https://login.test/") {
			return
		}
		there = next
	}
	t.Errorf("the browser is sent from %s on and on", there)
}

// A form that is sent after the login has ended is answered with the cause and the cure.
func TestFormAfterTheLoginIsOver(t *testing.T) {
	proxied := func(c *Config) { c.Proxy = &ProxyConfig{UserHeader: "X-Proxy-User", From: []string{"10.0.0.0/8"}} }
	for _, test := range []struct {
		name, said string
		config     func(*Config)
		link       bool
	}{
		{"with a provider", "Your login is over", func(*Config) {}, true},
		{"behind a proxy, which alone logs in", "You are not logged in", proxied, false},
	} {
		for _, there := range []string{deskURL + "/", alicesURL + "/save"} {
			b := newWorld(t, test.config).browser()
			rw := b.get(there, func(r *http.Request) { r.Method = http.MethodPost })
			b.want(rw, http.StatusUnauthorized, test.said)
			if link := strings.Contains(rw.Body.String(), `href="/"`); link != test.link {
				t.Errorf("%s: %s has a link to go on by: %v", test.name, there, link)
			}
		}
	}
}

// A visitor who goes to a page of a carrel after an hour is checked again at the desk, and so
// at the provider. The requests that a page makes by itself go on.
func TestCarrelsAskAnew(t *testing.T) {
	w := newWorld(t)
	w.provider.token = "alice"
	b := w.browser()
	b.want(b.follow("alice", alicesURL+"/"), http.StatusOK, "hello alice")
	w.now.SetTime(w.now.Now().Add(59 * time.Minute))
	b.want(b.get(alicesURL+"/"), http.StatusOK, "hello alice")

	w.now.SetTime(w.now.Now().Add(2 * time.Minute))
	for of, change := range map[string]func(*http.Request){
		"a script": func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
		"a frame": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "iframe")
		},
		"a form": func(r *http.Request) { r.Method = http.MethodPost },
	} {
		if rw := b.get(alicesURL+"/", change); rw.Code != http.StatusOK {
			t.Errorf("the request of %s is answered %d", of, rw.Code)
		}
	}
	b.want(b.follow("nobody, since the login holds", alicesURL+"/"), http.StatusOK, "hello alice")
	if w.provider.refreshed != 1 {
		t.Errorf("the provider was asked %d times, want once", w.provider.refreshed)
	}
	b.want(b.get(alicesURL+"/"), http.StatusOK, "hello alice")
}

// A login that the provider has ended also ends at carrels.
func TestCarrelsEndWithTheLogin(t *testing.T) {
	for reason, end := range map[string]func(*browser){
		"the provider refuses": func(b *browser) {
			b.provider.fail = &oauth2.RetrieveError{Response: &http.Response{StatusCode: http.StatusBadRequest}, ErrorCode: "invalid_grant"}
			b.now.SetTime(b.now.Now().Add(61 * time.Minute))
			b.want(b.follow("nobody, in the minute of grace", alicesURL+"/"), http.StatusOK, "hello alice")
			b.now.SetTime(b.now.Now().Add(-61*time.Minute + retryAfter))
		},
		"a logout": func(b *browser) { delete(b.cookies, "desk.test") },
	} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t)
			w.provider.token = "alice"
			b := w.browser()
			b.follow("alice", alicesURL+"/")
			end(b)
			b.want(b.get(alicesURL+"/"), http.StatusOK, "hello alice")
			w.now.SetTime(w.now.Now().Add(61 * time.Minute))
			b.want(b.follow("bob", alicesURL+"/"), http.StatusOK, "hello bob")
		})
	}
}

// rotating is a provider that takes each refresh token once.
type rotating struct {
	fake
	spent int
}

func (p *rotating) refresh(_ context.Context, token string) (Identity, string, error) {
	if token != fmt.Sprint("token ", p.spent) {
		return Identity{}, "", &oauth2.RetrieveError{Response: &http.Response{StatusCode: http.StatusBadRequest}, ErrorCode: "invalid_grant"}
	}
	p.spent++
	return Identity{User: "alice"}, fmt.Sprint("token ", p.spent), nil
}

// Two tabs ask two replicas at a time, with one refresh token that the provider takes once.
// Neither tab is logged out, and the login goes on with the newer token.
func TestTwoReplicasShareARotatingToken(t *testing.T) {
	provider := &rotating{}
	one := newWorld(t)
	one.provider.token = "token 0"
	b := one.browser()
	b.follow("alice", deskURL+"/")
	before := maps.Clone(b.cookies["desk.test"])
	two := newWorld(t)
	two.now = one.now
	two.desk.now, two.desk.keys = one.desk.now, one.desk.keys
	one.desk.providers["campus"].provider, two.desk.providers["campus"].provider = provider, provider

	one.now.SetTime(one.now.Now().Add(61 * time.Minute))
	b.want(b.get(deskURL+"/"), http.StatusOK, "hello alice")
	after := maps.Clone(b.cookies["desk.test"])
	late := two.browser() // the other tab's request was sent with the cookies before
	late.cookies["desk.test"] = before
	late.want(late.get(deskURL+"/"), http.StatusOK, "hello alice")
	if late.cookies["desk.test"][refreshCookie] != before[refreshCookie] {
		t.Error("the refusal replaced the refresh cookie, of which the browser has a newer one")
	}
	// The browser has the session of the later answer, and the newer token.
	late.cookies["desk.test"][refreshCookie] = after[refreshCookie]
	for range 3 {
		one.now.SetTime(one.now.Now().Add(61 * time.Minute))
		late.want(late.get(deskURL+"/"), http.StatusOK, "hello alice")
	}
	if provider.spent != 4 {
		t.Errorf("%d tokens were spent, want 4", provider.spent)
	}
}
