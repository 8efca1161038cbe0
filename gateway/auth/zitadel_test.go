package auth_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/auth/zitadeltest"
)

const zitadelDesk = "desk.example.org"

// zitadel is a real OpenID Connect provider, a desk at which people log in with it, and a
// browser.
type zitadel struct {
	t       *testing.T
	issuer  string
	storage *storage.Storage
	desk    http.Handler
	now     *clocktesting.FakePassiveClock
	jar     *cookiejar.Jar
}

func newZitadel(t *testing.T) *zitadel {
	t.Helper()
	z := &zitadel{t: t, now: clocktesting.NewFakePassiveClock(time.Now())}
	z.issuer, z.storage = zitadeltest.Serve(t, "https://"+zitadelDesk+"/callback/campus")
	var err error
	if z.jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	z.open()
	return z
}

// open opens the desk.
func (z *zitadel) open() {
	z.t.Helper()
	dir := z.t.TempDir()
	key, secret, file := filepath.Join(dir, "key"), filepath.Join(dir, "secret"), filepath.Join(dir, "login.yaml")
	for name, text := range map[string]string{
		key: strings.Repeat("k", 64), secret: zitadeltest.ClientSecret,
		file: fmt.Sprintf("providers: [{name: campus, oidc: {issuer: %q, clientID: carrel, clientSecretFile: %q, scopes: [profile, email, offline_access]}}]\n"+
			"sessions: {keyFiles: [%q], refreshAfter: 2m}\n", z.issuer, secret, key),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			z.t.Fatal(err)
		}
	}
	config, err := auth.ReadConfig(file)
	if err != nil {
		z.t.Fatal(err)
	}
	d, err := auth.NewDesk(config, auth.Options{URL: "https://" + zitadelDesk, Clock: z.now})
	if err != nil {
		z.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", d.Handler())
	mux.Handle("GET /whoami", d.RequireLogin(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		id, _ := auth.FromContext(r.Context())
		_, _ = fmt.Fprintf(rw, "user %s, name %s", id.User, id.Name)
	})))
	z.desk = mux
}

// RoundTrip calls the desk's handler directly, and other hosts over the network.
func (z *zitadel) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != zitadelDesk {
		return http.DefaultTransport.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.Host = zitadelDesk
	w := httptest.NewRecorder()
	z.desk.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// visit returns the page that the browser shows after all redirects, and its address.
func (z *zitadel) visit(r *http.Request) (page string, there *url.URL) {
	z.t.Helper()
	r.Header.Set("Accept", "text/html")
	client := &http.Client{Transport: z, Jar: z.jar, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		// Browsers do the same for pages with form-action 'self'.
		if via[0].Method == http.MethodPost && via[0].URL.Host == zitadelDesk && to.URL.Host != zitadelDesk {
			return errors.New("a form of the desk is redirected to another site")
		}
		return nil
	}}
	res, err := client.Do(r)
	if err != nil {
		z.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		z.t.Fatal(err)
	}
	if _, next, found := strings.Cut(res.Header.Get("Refresh"), "; url="); found {
		r, err := http.NewRequestWithContext(z.t.Context(), http.MethodGet, next, nil)
		if err != nil {
			z.t.Fatal(err)
		}
		return z.visit(r)
	}
	return string(body), res.Request.URL
}

// whoami asks the desk who is logged in.
func (z *zitadel) whoami() (page string, there *url.URL) {
	z.t.Helper()
	r, err := http.NewRequestWithContext(z.t.Context(), http.MethodGet, "https://"+zitadelDesk+"/whoami", nil)
	if err != nil {
		z.t.Fatal(err)
	}
	return z.visit(r)
}

func (z *zitadel) post(address string, form url.Values) (page string, there *url.URL) {
	z.t.Helper()
	r, err := http.NewRequestWithContext(z.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		z.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	return z.visit(r)
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// logIn goes to a page, and logs in with a password on the way.
func (z *zitadel) logIn(password string) (page string, there *url.URL) {
	z.t.Helper()
	page, there = z.whoami()
	id := requestID.FindStringSubmatch(page)
	if id == nil {
		z.t.Fatalf("no form to log in by at %s: %s", there, page)
	}
	return z.post(z.issuer+"/login/username", url.Values{"id": {id[1]}, "username": {zitadeltest.User}, "password": {password}})
}

func TestLoginAtZitadel(t *testing.T) {
	z := newZitadel(t)
	if page, there := z.logIn("wrong"); there.Host == zitadelDesk {
		t.Fatalf("a wrong password leads to %s: %s", there, page)
	}
	const want = "user " + zitadeltest.User + ", name " + zitadeltest.Name
	if page, there := z.logIn(zitadeltest.Password); page != want || there.Path != "/whoami" {
		t.Fatalf("at %s it says %q, want %q", there, page, want)
	}
	// Each refresh uses up its token and returns the next.
	for range 3 {
		z.now.SetTime(z.now.Now().Add(3 * time.Minute))
		if page, there := z.whoami(); page != want {
			t.Fatalf("after a refresh at %s it says %q, want %q", there, page, want)
		}
	}
	// A visitor whose login ended at the provider must log in again.
	if err := z.storage.TerminateSession(t.Context(), zitadeltest.Subject, zitadeltest.ClientID); err != nil {
		t.Fatal(err)
	}
	z.now.SetTime(z.now.Now().Add(3 * time.Minute))
	z.whoami() // begins the minute of grace
	z.now.SetTime(z.now.Now().Add(time.Minute))
	if page, there := z.whoami(); page == want {
		t.Errorf("who was put out still comes to %s", there)
	}
}

func TestLogoutAtZitadel(t *testing.T) {
	z := newZitadel(t)
	z.logIn(zitadeltest.Password)
	_, there := z.post("https://"+zitadelDesk+"/logout", nil)
	if "http://"+there.Host != z.issuer || there.Path != "/end_session" || there.Query().Get("client_id") != "carrel" {
		t.Errorf("the logout leads to %s, want the provider's", there)
	}
	if page, there := z.whoami(); there.Host == zitadelDesk {
		t.Errorf("after the logout %s says %q", there, page)
	}
}

// Without the provider, a login fails with a page, and people who are logged in stay so.
func TestProviderAway(t *testing.T) {
	z := newZitadel(t)
	z.logIn(zitadeltest.Password)
	u, _ := url.Parse("https://" + zitadelDesk)
	cookies := z.jar.Cookies(u)
	if len(cookies) == 0 {
		t.Fatal("no cookies were set")
	}
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.issuer = "http://" + gone.Addr().String()
	_ = gone.Close()
	z.open()
	if page, _ := z.whoami(); page != "user "+zitadeltest.User+", name "+zitadeltest.Name {
		t.Errorf("who is in is told %q", page)
	}
	z.jar, _ = cookiejar.New(nil)
	if page, there := z.whoami(); there.Host != zitadelDesk || !strings.Contains(page, "does not answer") {
		t.Errorf("at %s it says %q", there, page)
	}
}
