package auth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	clocktesting "k8s.io/utils/clock/testing"
)

const (
	deskURL   = "https://desk.test"
	alicesURL = "https://alice--prog1.carrels.test"
	bobsURL   = "https://bob--prog1.carrels.test"
)

// fake is a provider that returns the user whom the code names.
type fake struct {
	refreshed int
	fail      error
	token     string
}

func (f *fake) begin(_ context.Context, fl flow) (string, error) {
	return "https://login.test/?" + url.Values{"state": {fl.state}, "verifier": {fl.verifier}}.Encode(), nil
}

func (f *fake) finish(_ context.Context, _ flow, code string) (Identity, string, error) {
	return Identity{User: code, Groups: []string{"students"}}, f.token, nil
}

func (f *fake) refresh(_ context.Context, token string) (Identity, string, error) {
	f.refreshed++
	return Identity{User: token}, "", f.fail
}

func (f *fake) logout(context.Context, string) string { return "" }

// world is a desk with two carrels and a clock.
type world struct {
	*testing.T
	desk     *Desk
	provider *fake
	now      *clocktesting.FakePassiveClock
	handler  http.Handler
	// seen is the last request that reached a carrel.
	seen *http.Request
}

func key(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(strings.Repeat(text, 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	c := &Config{Sessions: SessionConfig{KeyFiles: []string{key(t, "key", "k")}}}
	for _, f := range change {
		f(c)
	}
	c.setDefaults()
	w := &world{T: t, provider: &fake{}, now: clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))}
	var err error
	w.desk, err = NewDesk(c, Options{URL: deskURL, Clock: w.now, IsCarrel: func(h string) bool { return strings.HasSuffix(h, ".carrels.test") }})
	if err != nil {
		t.Fatal(err)
	}
	if c.Proxy == nil {
		known := &knownProvider{provider: w.provider, config: &ProviderConfig{Name: "campus", Title: "Campus"}}
		w.desk.order, w.desk.providers["campus"] = append(w.desk.order, known), known
	}
	inside := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.seen = r
		id, _ := FromContext(r.Context())
		_, _ = rw.Write([]byte("hello " + id.User))
	})
	desk, carrel, board := w.desk.Handler(), w.desk.RequireCarrelLogin(inside), w.desk.RequireLogin(inside)
	w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host != "desk.test":
			carrel.ServeHTTP(rw, r)
		case r.URL.Path == "/":
			board.ServeHTTP(rw, r)
		default:
			desk.ServeHTTP(rw, r)
		}
	})
	return w
}

// browser keeps cookies by host, as browsers do with cookies named __Host-.
type browser struct {
	*world
	cookies map[string]map[string]string
}

func (w *world) browser() *browser { return &browser{w, map[string]map[string]string{}} }

func (b *browser) get(there string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, there, nil)
	r.Header.Set("Accept", "text/html")
	for name, value := range b.cookies[r.Host] {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for _, f := range change {
		f(r)
	}
	rw := httptest.NewRecorder()
	b.handler.ServeHTTP(rw, r)
	for _, c := range rw.Result().Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			b.Errorf("cookie %s is not closed: %s", c.Name, c)
		}
		if b.cookies[r.Host] == nil {
			b.cookies[r.Host] = map[string]string{}
		}
		b.cookies[r.Host][c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies[r.Host], c.Name)
		}
	}
	return rw
}

// follow follows redirects, and logs in as user on the way.
func (b *browser) follow(user, there string) *httptest.ResponseRecorder {
	b.Helper()
	for range 10 {
		rw := b.get(there)
		next := b.next(there, rw)
		if next == "" {
			return rw
		}
		if strings.HasPrefix(next, "https://login.test/") {
			next = back(next, user)
		}
		there = next
	}
	b.Fatalf("%s never ends", there)
	return nil
}

func (b *browser) next(from string, rw *httptest.ResponseRecorder) string {
	b.Helper()
	location := rw.Header().Get("Location")
	if location == "" {
		return ""
	}
	base, err := url.Parse(from)
	if err != nil {
		b.Fatal(err)
	}
	next, err := base.Parse(location)
	if err != nil {
		b.Fatal(err)
	}
	return next.String()
}

// back returns the address to which the provider sends a browser that logged in.
func back(there, user string) string {
	u, _ := url.Parse(there)
	return deskURL + "/callback/campus?" + url.Values{"code": {user}, "state": {u.Query().Get("state")}}.Encode()
}

func (b *browser) want(rw *httptest.ResponseRecorder, status int, body string) {
	b.Helper()
	if rw.Code != status || !strings.Contains(rw.Body.String(), body) {
		b.Errorf("the answer is %d %q, want %d with %q", rw.Code, rw.Body, status, body)
	}
}

func TestLoginReachesTheCarrel(t *testing.T) {
	b := newWorld(t).browser()
	b.want(b.follow("alice", alicesURL+"/files//a?b=c"), http.StatusOK, "hello alice")
	if got := b.seen.URL.RequestURI(); !strings.HasSuffix(got, "/files//a?b=c") {
		t.Errorf("the carrel was asked for %s, not for what the browser first asked", got)
	}
	if got := b.seen.Header.Get("Cookie"); got != "" {
		t.Errorf("the carrel saw the cookies %q", got)
	}
	for name := range b.cookies["alice--prog1.carrels.test"] {
		if name != carrelCookie {
			t.Errorf("the carrel's origin holds the cookie %s", name)
		}
	}
	b.want(b.get(deskURL+"/"), http.StatusOK, "hello alice")
}

func TestWhoCannotBeSentToLogInIsToldSo(t *testing.T) {
	for _, there := range []string{deskURL + "/", alicesURL + "/"} {
		b := newWorld(t).browser()
		for reason, change := range map[string]func(*http.Request){
			"an unsafe method": func(r *http.Request) { r.Method = http.MethodPost },
			"an upgrade":       func(r *http.Request) { r.Header.Set("Upgrade", "websocket") },
			"a script":         func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
			"a program":        func(r *http.Request) { r.Header.Set("Accept", "*/*") },
		} {
			if rw := b.get(there, change); rw.Code != http.StatusUnauthorized || rw.Header().Get("Location") != "" {
				t.Errorf("%s to %s is answered %d, want 401", reason, there, rw.Code)
			}
		}
	}
}

func TestCookiesOfOneOriginAreNothingAtAnother(t *testing.T) {
	b := newWorld(t).browser()
	b.follow("alice", alicesURL+"/")
	alices, desk := b.cookies["alice--prog1.carrels.test"][carrelCookie], b.cookies["desk.test"][sessionCookie]
	for reason, c := range map[string]*http.Cookie{
		"that of another carrel":           {Name: carrelCookie, Value: alices},
		"that of the desk":                 {Name: carrelCookie, Value: desk},
		"that of the desk, under its name": {Name: sessionCookie, Value: desk},
	} {
		rw := b.browser().get(bobsURL+"/", func(r *http.Request) { r.AddCookie(c) })
		if rw.Code != http.StatusSeeOther || !strings.HasPrefix(rw.Header().Get("Location"), deskURL+"/handover?") {
			t.Errorf("with %s as a cookie the answer is %d %s", reason, rw.Code, rw.Body)
		}
	}
	rw := b.browser().get(deskURL+"/", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: alices}) })
	if rw.Code != http.StatusSeeOther {
		t.Errorf("with a carrel's cookie the desk answers %d %s", rw.Code, rw.Body)
	}
	rw = b.get(alicesURL+"/", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: carrelCookie, Value: "another"}) })
	if rw.Code != http.StatusSeeOther {
		t.Errorf("of two cookies of one name one was believed: %d", rw.Code)
	}
}

func TestLoginIsOfTheBrowserThatBeganIt(t *testing.T) {
	w := newWorld(t)
	mallory, victim := w.browser(), w.browser()
	theirs := mallory.get(deskURL + "/login").Header().Get("Location")
	victim.want(victim.get(back(theirs, "mallory")), http.StatusBadRequest, "finished")
	victim.get(deskURL + "/login") // even with a login of their own under way
	victim.want(victim.get(back(theirs, "mallory")), http.StatusBadRequest, "finished")
	if victim.cookies["desk.test"][sessionCookie] != "" {
		t.Error("somebody was logged in as another")
	}
	w.now.SetTime(w.now.Now().Add(loginWithin + time.Second))
	mallory.want(mallory.get(back(theirs, "mallory")), http.StatusBadRequest, "too long")
}

func TestNothingOfASessionIsThereBeforeTheLogin(t *testing.T) {
	b := newWorld(t).browser()
	rw := b.get(deskURL+"/login", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "chosen-by-another"}) })
	rw = b.get(back(rw.Header().Get("Location"), "alice"), func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "chosen-by-another"})
	})
	if got := b.cookies["desk.test"][sessionCookie]; rw.Code != http.StatusSeeOther || got == "" || got == "chosen-by-another" {
		t.Errorf("after the login (%d) the session is %q, want a new one", rw.Code, got)
	}
}

func TestTabsLogInAtATime(t *testing.T) {
	b := newWorld(t).browser()
	one, two := b.get(deskURL+"/login?return=/one").Header().Get("Location"), b.get(deskURL+"/login?return=/two").Header().Get("Location")
	for tab, there := range map[string]string{"/one": one, "/two": two} {
		if rw := b.get(back(there, "alice")); rw.Header().Get("Location") != tab {
			t.Errorf("a tab ends at %q, %d, want %s", rw.Header().Get("Location"), rw.Code, tab)
		}
	}
}

func TestHandoverIsForOneBrowserHostAndMoment(t *testing.T) {
	ask := func(b *browser) string { // to the token
		b.follow("alice", deskURL+"/")
		return b.get(b.get(alicesURL + "/").Header().Get("Location")).Header().Get("Location")
	}
	for _, tt := range []struct {
		reason string
		use    func(w *world, owner *browser, token string) *httptest.ResponseRecorder
	}{
		{"after 30 seconds", func(w *world, owner *browser, token string) *httptest.ResponseRecorder {
			w.now.SetTime(w.now.Now().Add(handoverWithin))
			return owner.get(token)
		}},
		{"in another browser", func(w *world, _ *browser, token string) *httptest.ResponseRecorder { return w.browser().get(token) }},
		{"in another browser that asked too", func(w *world, _ *browser, token string) *httptest.ResponseRecorder {
			b := w.browser()
			b.get(alicesURL + "/")
			return b.get(token)
		}},
		{"at another carrel", func(_ *world, owner *browser, token string) *httptest.ResponseRecorder {
			owner.get(bobsURL + "/")
			return owner.get(strings.Replace(token, alicesURL, bobsURL, 1))
		}},
		{"a second time", func(_ *world, owner *browser, token string) *httptest.ResponseRecorder {
			owner.get(token)
			delete(owner.cookies["alice--prog1.carrels.test"], carrelCookie)
			return owner.get(token)
		}},
		{"forged", func(_ *world, owner *browser, token string) *httptest.ResponseRecorder {
			return owner.get(token + "AAAA")
		}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t)
			owner := w.browser()
			token := ask(owner)
			if !strings.HasPrefix(token, alicesURL+HandoverPath+"?token=") {
				t.Fatalf("the desk answers %q", token)
			}
			owner.want(tt.use(w, owner, token), http.StatusBadRequest, "finished")
		})
	}
}

func TestDeskHandsOverToCarrelsOnly(t *testing.T) {
	b := newWorld(t).browser()
	b.follow("alice", deskURL+"/")
	for _, there := range []string{"evil.test", "desk.test", "", "alice--prog1.carrels.test@evil.test", "evil.test/.carrels.test", "ALICE--prog1.carrels.test"} {
		rw := b.get(deskURL + "/handover?" + url.Values{"nonce": {"n"}, "host": {there}}.Encode())
		if location := rw.Header().Get("Location"); location != "" {
			t.Errorf("the desk hands over to %q: %s", there, location)
		}
	}
}

func TestReturnStaysOnTheHost(t *testing.T) {
	for path, want := range map[string]string{
		"/courses/prog1?x=1": "/courses/prog1?x=1", "/a//b": "/a//b", "": "/", "x": "/", "//evil.test": "/", `/\evil.test`: "/", "https://evil.test/": "/",
		"/\t/evil.test": "/", "/%0d%0aSet-Cookie:a=b": "/%0d%0aSet-Cookie:a=b", "javascript:alert(1)": "/", "/login?return=/": "/", "/logout": "/",
		HandoverPath + "?token=x": "/", "/" + strings.Repeat("a", maxReturn): "/", "///evil.test": "/", "/a b": "/",
	} {
		if got := localPath(path); got != want {
			t.Errorf("localPath(%q) is %q, want %q", path, got, want)
		}
	}
	b := newWorld(t).browser()
	rw := b.get(deskURL + "/login?return=" + url.QueryEscape("https://evil.test/"))
	if got := b.get(back(rw.Header().Get("Location"), "alice")).Header().Get("Location"); got != "/" {
		t.Errorf("after the login the browser is sent to %q", got)
	}
}

func TestSessionsEnd(t *testing.T) {
	for reason, step := range map[string]time.Duration{"by idleness": 5 * time.Hour, "at last, however busy": 3 * time.Hour} {
		w := newWorld(t, func(c *Config) { c.Sessions.RefreshAfter.Duration = 24 * time.Hour })
		b := w.browser()
		b.follow("alice", alicesURL+"/")
		for range 5 {
			w.now.SetTime(w.now.Now().Add(step))
			for _, there := range []string{deskURL + "/", alicesURL + "/"} {
				rw := b.get(there)
				over := step == 5*time.Hour || w.now.Now().Sub(time.Unix(1_800_000_000, 0)) >= 14*time.Hour
				if (rw.Code == http.StatusSeeOther) != over {
					t.Errorf("%s: after %s %s answers %d", reason, w.now.Now().Sub(time.Unix(1_800_000_000, 0)), there, rw.Code)
				}
			}
		}
	}
}

func TestKeysAreRotated(t *testing.T) {
	old, fresh := key(t, "old", "o"), key(t, "new", "n")
	read := func(files ...string) *Keys {
		k, err := ReadKeys(files...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	sealed, err := read(old).seal(forSession, "desk.test", "text")
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := read(fresh, old).open(forSession, "desk.test", sealed, &text); err != nil || text != "text" {
		t.Errorf("with the old key as second, %q, %v", text, err)
	}
	if err := read(fresh).open(forSession, "desk.test", sealed, &text); err == nil {
		t.Error("what the old key sealed opens without it")
	}
	if err := read(old).open(forCarrel, "desk.test", sealed, &text); err == nil {
		t.Error("what was sealed for one use opens for another")
	}
	if err := read(old).open(forSession, "other.test", sealed, &text); err == nil {
		t.Error("what was sealed for one host opens for another")
	}
	if _, err := ReadKeys(key(t, "short", "")); err == nil || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("a short key is answered %v, want how to make one", err)
	}
}

func TestLoginIsLookedAtAgain(t *testing.T) {
	gone := &oauth2.RetrieveError{Response: &http.Response{StatusCode: http.StatusBadRequest}, ErrorCode: "invalid_grant"}
	busy := &oauth2.RetrieveError{Response: &http.Response{StatusCode: http.StatusTooManyRequests}}
	unknown := &oauth2.RetrieveError{Response: &http.Response{StatusCode: http.StatusUnauthorized}, ErrorCode: "invalid_client"}
	for _, tt := range []struct {
		reason, token string
		fail          error
		code          int
	}{
		{"the provider is asked too much", "alice", busy, http.StatusOK},
		{"the gateway's secret at the provider is old", "alice", unknown, http.StatusOK},
		{"the provider still vouches", "alice", nil, http.StatusOK},
		{"the provider no longer does", "alice", gone, http.StatusSeeOther},
		{"the provider speaks of another", "bob", nil, http.StatusSeeOther},
		{"the provider is away", "alice", errors.New("connection refused"), http.StatusOK},
		{"the token did not fit in a cookie", strings.Repeat("x", 4000), gone, http.StatusOK},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t)
			w.provider.token, w.provider.fail = tt.token, tt.fail
			b := w.browser()
			b.follow("alice", deskURL+"/")
			w.now.SetTime(w.now.Now().Add(61 * time.Minute))
			if rw := b.get(deskURL + "/"); rw.Code != http.StatusOK && tt.fail != nil {
				t.Errorf("in the minute of grace the desk answers %d", rw.Code)
			}
			w.now.SetTime(w.now.Now().Add(retryAfter))
			if rw := b.get(deskURL + "/"); rw.Code != tt.code {
				t.Errorf("the desk answers %d, want %d", rw.Code, tt.code)
			}
		})
	}
}

func TestIdentityThatDoesNotFitIsRefused(t *testing.T) {
	b := newWorld(t).browser()
	rw := b.follow(strings.Repeat("a", 257), deskURL+"/")
	b.want(rw, http.StatusBadGateway, "failed")
	for _, user := range []string{"system:admin", "System:x", "a\nb", " a", ""} {
		if checkUser(user) == nil {
			t.Errorf("the identity %q is believed", user)
		}
	}
}

func TestHeadersOfVisitorsAreNotBelieved(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := func(c *Config) {
		c.Proxy = &ProxyConfig{UserHeader: "X-Auth-Request-User", From: []string{"192.0.2.0/24"}}
	}
	shared := func(c *Config) {
		c.Proxy = &ProxyConfig{UserHeader: "X-Auth-Request-User", SecretHeader: "X-Proxy-Secret", SecretFile: secret}
	}
	both := func(c *Config) { from(c); c.Proxy.SecretHeader, c.Proxy.SecretFile = "X-Proxy-Secret", secret }
	for _, tt := range []struct {
		reason  string
		config  func(*Config)
		address string
		headers map[string][]string
		code    int
	}{
		{"the proxy's address", from, "192.0.2.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}}, 200},
		{"another address", from, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}}, 401},
		{"another address that says it is the proxy's", from, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}, "X-Forwarded-For": {"192.0.2.7"}}, 401},
		{"another header", from, "192.0.2.7:1", map[string][]string{"X-User": {"alice"}, "X_auth_request_user": {"alice"}}, 401},
		{"the header twice", from, "192.0.2.7:1", map[string][]string{"X-Auth-Request-User": {"mallory", "alice"}}, 403},
		{"a user of Kubernetes' own", from, "192.0.2.7:1", map[string][]string{"X-Auth-Request-User": {"system:admin"}}, 403},
		{"the secret", shared, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}, "X-Proxy-Secret": {"hush"}}, 200},
		{"a wrong secret", shared, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}, "X-Proxy-Secret": {"hus"}}, 401},
		{"no secret", shared, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}}, 401},
		{"two secrets", shared, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}, "X-Proxy-Secret": {"hush", "x"}}, 401},
		{"the secret from elsewhere", both, "198.51.100.7:1", map[string][]string{"X-Auth-Request-User": {"alice"}, "X-Proxy-Secret": {"hush"}}, 401},
		{"no proxy configured", func(*Config) {}, "192.0.2.7:1", map[string][]string{"X-User": {"alice"}}, 303},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			for _, there := range []string{deskURL + "/", alicesURL + "/"} {
				w := newWorld(t, tt.config)
				rw := w.browser().get(there, func(r *http.Request) {
					r.RemoteAddr = tt.address
					for name, values := range tt.headers {
						r.Header[name] = values
					}
				})
				if rw.Code != tt.code {
					t.Errorf("%s answers %d %q, want %d", there, rw.Code, rw.Body, tt.code)
				}
				if w.seen == nil {
					continue
				}
				for name := range w.seen.Header {
					if key := headerKey(name); strings.Contains(key, "user") || strings.Contains(key, "secret") {
						t.Errorf("the carrel sees %s", name)
					}
				}
			}
		})
	}
}

func TestCarrelsCannotTouchOurCookies(t *testing.T) {
	h := http.Header{"Clear-Site-Data": {`"cookies"`}, "Set-Cookie": {
		"a=b; Domain=carrels.test; Path=/x; HttpOnly", "c=d; domain = .carrels.test", carrelCookie + "=x; Path=/; Secure",
		"__HOST-Carrel-here=x", " " + carrelCookie + " =x", "=" + carrelCookie + "=x", "nameless", "big=" + strings.Repeat("x", 5000), "e=f",
	}}
	for range 100 {
		h.Add("Set-Cookie", "many=1")
	}
	CleanResponse(h)
	got := h.Values("Set-Cookie")
	if len(got) != maxUpstreamCookies || h.Get("Clear-Site-Data") != "" {
		t.Errorf("%d cookies pass, want %d; Clear-Site-Data %q", len(got), maxUpstreamCookies, h.Get("Clear-Site-Data"))
	}
	if want := "a=b; Path=/x; HttpOnly|c=d|e=f|many=1"; strings.Join(got[:4], "|") != want {
		t.Errorf("the cookies are %q, want %q", strings.Join(got[:4], "|"), want)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Cookie"] = []string{`a="1 2"; ` + carrelCookie + "=x;b=c", "__hOst-carrelX=y; =z"}
	StripCookies(r)
	if got, want := r.Header.Get("Cookie"), `a="1 2"; b=c; =z`; got != want {
		t.Errorf("the carrel sees the cookies %q, want %q", got, want)
	}
}

func TestTooManyCookiesAreDeleted(t *testing.T) {
	b := newWorld(t).browser()
	b.follow("alice", alicesURL+"/")
	rw := b.get(alicesURL+"/", func(r *http.Request) { r.Header.Add("Cookie", "bomb="+strings.Repeat("x", maxCookies)) })
	if rw.Code != http.StatusRequestHeaderFieldsTooLarge || rw.Header().Get("Clear-Site-Data") != `"cookies"` {
		t.Errorf("the answer is %d, Clear-Site-Data %q", rw.Code, rw.Header().Get("Clear-Site-Data"))
	}
}

func TestLogoutIsTheUsersOwn(t *testing.T) {
	b := newWorld(t).browser()
	b.follow("alice", deskURL+"/")
	post := func(r *http.Request) { r.Method = http.MethodPost }
	b.want(b.get(deskURL+"/logout", post, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }), http.StatusForbidden, "another site")
	b.want(b.get(deskURL+"/"), http.StatusOK, "alice")
	b.get(deskURL+"/logout", post, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") })
	if rw := b.get(deskURL + "/"); rw.Code != http.StatusSeeOther {
		t.Errorf("after the logout the desk answers %d", rw.Code)
	}
}

func TestLoginSpeaksJapanese(t *testing.T) {
	b := newWorld(t).browser()
	rw := b.get(deskURL+"/login?ended=", func(r *http.Request) { r.Header.Set("Accept-Language", "ja,en;q=0.5") })
	b.want(rw, http.StatusOK, "ログアウトしました")
	b.want(b.get(deskURL+"/login?ended="), http.StatusOK, `<a href="/login?provider=campus&amp;return=%2F">Campus</a>`)
}

func TestDeniedLogin(t *testing.T) {
	b := newWorld(t).browser()
	there := deskURL + "/"
	for !strings.HasPrefix(there, "https://login.test/") {
		there = b.next(there, b.get(there))
	}
	denied := strings.Replace(back(there, ""), "code=", "error=access_denied", 1)
	b.want(b.get(denied), http.StatusForbidden, "cancelled or refused")
	b.want(b.get(denied+"&code=alice"), http.StatusForbidden, "cancelled or refused")
	if rw := b.get(deskURL + "/"); rw.Code != http.StatusSeeOther {
		t.Errorf("after a login that was denied the desk answers %d", rw.Code)
	}
	b.want(b.follow("alice", deskURL+"/"), http.StatusOK, "hello alice")
}
