package auth

import (
	first "cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/google/go-cmp/cmp"
)

func answer(rw http.ResponseWriter, body any) {
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(body)
}

// challengeOf returns the PKCE challenge of a verifier.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begun returns the query with which the browser comes to the provider.
func begun(t *testing.T, p provider, f flow) url.Values {
	t.Helper()
	there, err := p.begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(there)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// campus returns the configuration of a provider at a server.
func campus(t *testing.T, server *httptest.Server, userClaim string) *oidcProvider {
	t.Helper()
	o := &OIDCConfig{Issuer: server.URL, ClientID: "carrel", UserClaim: userClaim, KeepGroups: "stud.*", KeepClaims: []string{"dept"}}
	c := &Config{Providers: []ProviderConfig{{Name: "campus", OIDC: o}}}
	c.setDefaults()
	p, err := newOIDC(o, server.Client(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOIDCBelievesOnlyItsOwnLogin(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: private.Public(), KeyID: "k", Algorithm: "RS256"}}}
	var challenge, claims string
	signer := private
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			keys.ServeHTTP(rw, r)
			return
		}
		if challengeOf(r.FormValue("code_verifier")) != challenge || r.FormValue("code") != "the-code" {
			rw.WriteHeader(http.StatusBadRequest)
			answer(rw, map[string]string{"error": "invalid_grant"})
			return
		}
		answer(rw, map[string]string{"access_token": "a", "token_type": "Bearer", "refresh_token": "r", "id_token": oidctest.SignIDToken(signer, "k", "RS256", claims)})
	}))
	defer server.Close()
	keys.SetIssuer(server.URL)
	good := func(more string) string {
		return fmt.Sprintf(`{"iss":%q,"aud":"carrel","sub":"1","exp":%d,"nonce":"n","preferred_username":"alice","name":"Alice","groups":["students","x"],"dept":"cs","email":"a@b"%s}`,
			server.URL, time.Now().Add(time.Hour).Unix(), more)
	}
	for _, tt := range []struct {
		reason, claims, verifier, userClaim string
		signer                              *rsa.PrivateKey
		wantErr                             string
	}{
		{reason: "a good one", claims: good("")},
		{reason: "another's nonce", claims: strings.Replace(good(""), `"n"`, `"m"`, 1), wantErr: "nonce"},
		{reason: "no nonce", claims: strings.Replace(good(""), `"nonce":"n",`, "", 1), wantErr: "nonce"},
		{reason: "for another program", claims: strings.Replace(good(""), `"carrel"`, `"other"`, 1), wantErr: "audience"},
		{reason: "over", claims: strings.Replace(good(""), `"exp":1`, `"exp":`, 1), wantErr: "expired"},
		{reason: "another's key", claims: good(""), signer: other, wantErr: "verify"},
		{reason: "another's verifier", claims: good(""), verifier: "other", wantErr: "invalid_grant"},
		{reason: "an address nobody verified", claims: good(""), userClaim: "email", wantErr: "not verified"},
		{reason: "an address somebody verified", claims: good(`,"email_verified":true`), userClaim: "email"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			p := campus(t, server, tt.userClaim)
			f := flow{state: "s", nonce: "n", verifier: "v", callback: "https://desk.test/callback/campus"}
			asked := begun(t, p, f)
			told := []string{asked.Get("code_challenge_method"), asked.Get("nonce"), asked.Get("state"), asked.Get("redirect_uri")}
			if diff := cmp.Diff([]string{"S256", "n", "s", f.callback}, told); diff != "" {
				t.Errorf("the provider is asked otherwise (-want +got):\n%s", diff)
			}
			challenge, claims, signer = asked.Get("code_challenge"), tt.claims, first.Or(tt.signer, private)
			f.verifier = first.Or(tt.verifier, f.verifier)
			id, refresh, err := p.finish(t.Context(), f, "the-code")
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("it is answered %v, %v; want an error with %q", id, err, tt.wantErr)
				}
				return
			}
			user := map[string]string{"": "alice", "email": "a@b"}[tt.userClaim]
			want := Identity{User: user, Name: "Alice", Groups: []string{"students"}, Claims: map[string][]string{"dept": {"cs"}}}
			if diff := cmp.Diff(want, id); diff != "" || err != nil || refresh != "r" {
				t.Errorf("the identity is not as claimed (-want +got), %v, refresh token %q:\n%s", err, refresh, diff)
			}
		})
	}
}

func TestGitHubNamesUserAndOrganisations(t *testing.T) {
	mux := http.NewServeMux()
	var challenge string
	mux.HandleFunc("POST /login/oauth/access_token", func(rw http.ResponseWriter, r *http.Request) {
		if challengeOf(r.FormValue("code_verifier")) != challenge {
			answer(rw, map[string]string{"error": "bad_verification_code"})
			return
		}
		answer(rw, map[string]string{"access_token": "a", "token_type": "bearer"})
	})
	mux.HandleFunc("GET /api/v3/user", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer a" {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(rw, map[string]string{"login": "Koba1t", "name": "K"})
	})
	mux.HandleFunc("GET /api/v3/user/orgs", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, []map[string]any{{"login": "renamed-lab", "id": 7}, {"login": "elsewhere", "id": 8}, {"login": "taken", "id": 9}})
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	p := &githubProvider{config: &GitHubConfig{URL: server.URL, Organisations: []Organisation{{7, "lab"}, {6, "taken"}}}, client: server.Client()}
	f := flow{verifier: "v"}
	challenge = begun(t, p, f).Get("code_challenge")
	id, token, err := p.finish(t.Context(), f, "code")
	if err != nil {
		t.Fatal(err)
	}
	// The login is checked again with the token, until GitHub no longer takes it.
	if again, _, err := p.refresh(t.Context(), token); err != nil || again.User != id.User {
		t.Errorf("checked again, the login is of %q: %v", again.User, err)
	}
	if _, _, err := p.refresh(t.Context(), "taken back"); !refuses(err) {
		t.Errorf("a token that was taken back: %v, want a refusal", err)
	}
	id, err = (&ProviderConfig{Name: "github", UserPrefix: "github:", GroupPrefix: "gh:", LowerCase: true}).vouched(id, nil)
	want := Identity{User: "github:koba1t", Name: "K", Provider: "github", Groups: []string{"gh:lab"}}
	if diff := cmp.Diff(want, id); diff != "" || err != nil {
		t.Errorf("the identity is wrong (-want +got), %v:\n%s", err, diff)
	}
	if _, _, err := p.finish(t.Context(), flow{verifier: "other"}, "code"); err == nil {
		t.Error("a code of another login is taken")
	}
	if _, err := (&ProviderConfig{Name: "campus"}).vouched(Identity{User: "github:koba1t"}, []string{"", "github:"}); err == nil {
		t.Error("somebody of one provider passes for somebody of another")
	}
}

// Groups are kept only where the login file says so, and never as those of Kubernetes or of
// another provider.
func TestGroupsAreKeptExplicitly(t *testing.T) {
	claims := map[string]any{"preferred_username": "eve", "groups": []any{"staff", "students", "system:masters", "kubeadm:cluster-admins", "campus:staff"}}
	for _, test := range []struct {
		keep, prefix string
		want         []string
	}{
		{"", "", nil},
		{"stud.*", "", []string{"students"}},
		{".*", "lab:", []string{"lab:staff", "lab:students", "lab:campus:staff"}},
		{"masters", "system:", nil},
	} {
		o := &OIDCConfig{Issuer: "https://login.test", ClientID: "c", KeepGroups: test.keep}
		c := &Config{Providers: []ProviderConfig{{Name: "lab", GroupPrefix: test.prefix, OIDC: o}}}
		c.setDefaults()
		p, err := newOIDC(o, nil, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		id, err := p.identity(claims)
		if err == nil {
			id, err = c.Providers[0].vouched(id, nil)
		}
		if diff := cmp.Diff(test.want, id.Groups); diff != "" || err != nil {
			t.Errorf("keepGroups %q keeps otherwise (-want +got), %v:\n%s", test.keep, err, diff)
		}
	}
}

func TestNobodyIsCalledAsAnotherProvidersUser(t *testing.T) {
	prefixes := []string{"", "gh", "gh:", "lab-"}
	for _, test := range []struct {
		prefix, user string
		ok           bool
	}{
		{"", "alice", true}, {"", "gh:alice", false}, {"", "lab-alice", false},
		{"gh", "alice", true}, {"gh", ":alice", false}, {"gh:", "alice", true}, {"gh:", ":alice", true}, {"lab-", "gh:alice", true},
	} {
		p := &ProviderConfig{Name: "p", UserPrefix: test.prefix}
		if id, err := p.vouched(Identity{User: test.user}, prefixes); (err == nil) != test.ok {
			t.Errorf("%q of the provider with the prefix %q: %q, %v", test.user, test.prefix, id.User, err)
		}
	}
}

// A request waits for a provider that hangs as long as its own context, even if others wait
// longer.
func TestNobodyIsHeldByAProviderThatHangs(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer server.Close()
	p, err := newOIDC(&OIDCConfig{Issuer: server.URL}, &http.Client{Timeout: 10 * time.Second}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	patient, impatient := make(chan error, 1), make(chan error, 1)
	begin := func(ctx context.Context, told chan error) {
		_, err := p.begin(ctx, flow{})
		told <- err
	}
	go begin(t.Context(), patient)
	<-asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	go begin(gone, impatient)
	select {
	case err := <-impatient:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who waits no longer is told %v", err)
		}
	case err := <-patient:
		t.Errorf("who waits no longer is told nothing before who does is told %v", err)
	}
	close(release)
}
