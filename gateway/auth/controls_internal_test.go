package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// A state is good at the callback of the provider at which its login was begun.
func TestStateIsOfOneProvider(t *testing.T) {
	w := newWorld(t)
	w.desk.providers["other"] = &knownProvider{provider: w.provider, config: &ProviderConfig{Name: "other"}}
	b := w.browser()
	there := back(b.get(deskURL+"/login?provider=campus").Header().Get("Location"), "alice")
	b.want(b.get(strings.Replace(there, "/callback/campus", "/callback/other", 1)), http.StatusBadRequest, "finished")
	if b.cookies["desk.test"][sessionCookie] != "" {
		t.Error("somebody was logged in by another provider")
	}
}

// A state ends ten minutes after its own login was begun, also if the browser has begun
// another one since.
func TestStateEndsByItself(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	there := b.get(deskURL + "/login").Header().Get("Location")
	w.now.SetTime(w.now.Now().Add(loginWithin - time.Minute))
	b.get(deskURL + "/login")
	w.now.SetTime(w.now.Now().Add(2 * time.Minute))
	b.want(b.get(back(there, "alice")), http.StatusBadRequest, "too long")
}

// What a userinfo endpoint says of another subject than the ID token's is not believed.
func TestUserInfoIsOfTheTokensSubject(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: private.Public(), KeyID: "k", Algorithm: "RS256"}}}
	subject := ""
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.Handle("/", keys)
	mux.HandleFunc("/.well-known/openid-configuration", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, map[string]any{
			"issuer": server.URL, "authorization_endpoint": server.URL + "/auth", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/keys",
			"userinfo_endpoint": server.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/token", func(rw http.ResponseWriter, _ *http.Request) {
		claims := fmt.Sprintf(`{"iss":%q,"aud":"carrel","sub":"1","exp":%d,"nonce":"n"}`, server.URL, time.Now().Add(time.Hour).Unix())
		answer(rw, map[string]string{"access_token": "a", "token_type": "Bearer", "id_token": oidctest.SignIDToken(private, "k", "RS256", claims)})
	})
	mux.HandleFunc("/userinfo", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, map[string]string{"sub": subject, "preferred_username": "alice"})
	})
	keys.SetIssuer(server.URL)
	for of, wanted := range map[string]bool{"1": true, "2": false} {
		subject = of
		id, _, err := campus(t, server, "").finish(t.Context(), flow{nonce: "n", verifier: "v", callback: "https://desk.test/callback/campus"}, "code")
		if (err == nil) != wanted || wanted && id.User != "alice" {
			t.Errorf("the userinfo of the subject %s makes %q, %v", of, id.User, err)
		}
	}
}

// A refresh cookie of another user does not keep a login going as that user.
func TestRefreshTokenIsOfTheSessionsUser(t *testing.T) {
	w := newWorld(t)
	w.provider.token = "mallory"
	mallory, alice := w.browser(), w.browser()
	mallory.follow("mallory", deskURL+"/")
	w.provider.token = "alice"
	alice.follow("alice", deskURL+"/")
	mallory.cookies["desk.test"][refreshCookie] = alice.cookies["desk.test"][refreshCookie]
	w.now.SetTime(w.now.Now().Add(61 * time.Minute))
	if rw := mallory.get(deskURL + "/"); strings.Contains(rw.Body.String(), "hello alice") || w.provider.refreshed != 0 {
		t.Errorf("the token of another user was used %d times, and the answer is %d %s", w.provider.refreshed, rw.Code, rw.Body)
	}
}

// A session of the desk counts at the desk's host alone, even if it was sealed for another.
func TestDeskSessionIsOfTheDesk(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodGet, "https://other.test/", nil)
	sealed, err := w.desk.keys.seal(forSession, "other.test", w.desk.newSession(Identity{User: "alice", Provider: "campus"}))
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: sealed})
	rw := httptest.NewRecorder()
	w.desk.RequireLogin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a session was believed at another host") })).ServeHTTP(rw, r)
	if rw.Code == http.StatusOK {
		t.Errorf("another host is answered %d", rw.Code)
	}
}

// A hand-over is received by a browser that goes to a page. A script of the page gets none.
func TestHandoverIsNotForScripts(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.follow("alice", deskURL+"/")
	token := b.get(b.get(alicesURL + "/").Header().Get("Location")).Header().Get("Location")
	for of, change := range map[string]func(*http.Request){
		"a script": func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
		"a form":   func(r *http.Request) { r.Method = http.MethodPost },
	} {
		b.want(b.get(token, change), http.StatusUnauthorized, "")
		if b.cookies["alice--prog1.carrels.test"][carrelCookie] != "" {
			t.Errorf("%s received a hand-over", of)
		}
	}
}

// A hand-over that was made just before its login ended is of no use after that.
func TestHandoverEndsWithItsLogin(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Sessions.Idle.Duration, c.Sessions.Absolute.Duration = time.Hour, time.Hour })
	b := w.browser()
	b.follow("alice", deskURL+"/")
	w.now.SetTime(w.now.Now().Add(time.Hour - 10*time.Second))
	token := b.get(b.get(alicesURL + "/").Header().Get("Location")).Header().Get("Location")
	if !strings.Contains(token, HandoverPath) {
		t.Fatalf("the desk answers %q", token)
	}
	w.now.SetTime(w.now.Now().Add(15 * time.Second))
	b.want(b.get(token), http.StatusBadRequest, "finished")
}

// Names that belong to Kubernetes are not believed, even from a cookie that was sealed
// here.
func TestCookiesNameNobodyOfKubernetes(t *testing.T) {
	w := newWorld(t)
	for _, user := range []string{"system:admin", "", "a\nb"} {
		sealed, err := w.desk.keys.seal(forSession, "desk.test", w.desk.newSession(Identity{User: user, Provider: "campus"}))
		if err != nil {
			t.Fatal(err)
		}
		rw := w.browser().get(deskURL+"/", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: sealed}) })
		if rw.Code != http.StatusSeeOther {
			t.Errorf("a cookie of %q is answered %d %s", user, rw.Code, rw.Body)
		}
	}
}

// Cookies that overflow are deleted at the desk as well as at a carrel: otherwise a page that
// sets them for the whole domain would lock its victim out.
func TestCookiesThatOverflowAreDeletedAtTheDesk(t *testing.T) {
	for _, path := range []string{"/", "/login", "/logout"} {
		rw := newWorld(t).browser().get(deskURL+path, func(r *http.Request) { r.Header.Set("Cookie", "bomb="+strings.Repeat("x", maxCookies)) })
		if rw.Code != http.StatusRequestHeaderFieldsTooLarge || rw.Header().Get("Clear-Site-Data") != `"cookies"` {
			t.Errorf("%s is answered %d %v", path, rw.Code, rw.Header())
		}
	}
}

// Only a nonce that the host's own page asked for is of use: a token made for a nonce that
// another chose is refused.
func TestHandoverForANonceChosenByAnother(t *testing.T) {
	w := newWorld(t)
	victim := w.browser()
	victim.follow("alice", deskURL+"/")
	mallory := w.browser()
	asked, err := url.Parse(mallory.get(alicesURL + "/").Header().Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	token := victim.get(asked.String()).Header().Get("Location")
	if rw := victim.get(token); rw.Code != http.StatusBadRequest {
		t.Errorf("the victim's browser takes the token of another nonce: %d", rw.Code)
	}
}
