//go:build e2e

package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/auth/zitadeltest"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/test/chromium"
)

// A browser that keeps the forms of a page from leading elsewhere, as our pages ask it
// to, comes to the provider's logout all the same.
func TestLogoutReachesTheProvider(t *testing.T) {
	desk := httptest.NewUnstartedServer(nil)
	address := "https://" + desk.Listener.Addr().String()
	issuer, _ := zitadeltest.Serve(t, address+"/callback/campus")
	d, err := auth.NewDesk(loginAt(t, issuer), auth.Options{URL: address, Render: route.ShowLogin})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", d.Handler())
	mux.Handle("GET /{$}", d.RequireLogin(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		id, _ := auth.FromContext(r.Context())
		_, _ = fmt.Fprintf(rw, "hello %s", id.User)
	})))
	desk.Config.Handler = mux
	desk.StartTLS()
	t.Cleanup(desk.Close)

	page := chromium.Start(t).MustPage(address).Timeout(pageLasts)
	chromium.Fill(t, page, "#username", zitadeltest.User)
	chromium.Fill(t, page, "#password", zitadeltest.Password)
	chromium.Click(t, page, "button")
	chromium.FindWords(t, page, "body", "hello "+zitadeltest.User)

	page.MustNavigate(address + "/logout")
	chromium.Click(t, page, "main form button")
	chromium.Becomes(t, page, "the provider logs out", fmt.Sprintf("location.href.startsWith(%q)", issuer+"/end_session"))
	chromium.Find(t, page.MustNavigate(address), "#username")
}

// loginAt has people log in at a provider.
func loginAt(t *testing.T, issuer string) *auth.Config {
	t.Helper()
	dir := t.TempDir()
	key, secret, file := filepath.Join(dir, "key"), filepath.Join(dir, "secret"), filepath.Join(dir, "login.yaml")
	for name, text := range map[string]string{
		key: strings.Repeat("k", 64), secret: zitadeltest.ClientSecret,
		file: fmt.Sprintf("providers: [{name: campus, oidc: {issuer: %q, clientID: carrel, clientSecretFile: %q}}]\nsessions: {keyFiles: [%q]}\n", issuer, secret, key),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := auth.ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return config
}
