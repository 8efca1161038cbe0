package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// The server's GitHub App, and its installation.
const (
	AppID          = 4711
	InstallationID = 815
)

// granted are the permissions of the App.
var granted = map[string]string{"statuses": "write", "contents": "read"}

// maxJWT bounds the life of an App's own token, as GitHub does.
const maxJWT = 10 * time.Minute

// app is a GitHub App that may write statuses of the repository and read its contents.
type app struct {
	key    *rsa.PrivateKey
	lasts  time.Duration
	tokens map[string]token
}

type token struct{ expires time.Time }

// App creates the App, whose tokens last as long as given, and returns its private key in
// PEM. Another call revokes the former key and its tokens.
func (s *Server) App(t testing.TB, lasts time.Duration) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app = app{key: key, lasts: lasts, tokens: map[string]token{}}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// Tokens returns the number of tokens that the App was given.
func (s *Server) Tokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.app.tokens)
}

// Revoke revokes all tokens of the App, as when it is removed and installed again.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.app.tokens {
		s.app.tokens[name] = token{}
	}
}

func (s *Server) serveApp(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/installation", s.installation)
	mux.HandleFunc("POST /api/v3/app/installations/{id}/access_tokens", s.accessToken)
}

// admitsApp reports whether a request has a valid token of an installation, or is one of
// the App itself with a valid signature.
func (s *Server) admitsApp(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := r.Header.Get("Authorization")
	if given, found := strings.CutPrefix(header, "token "); found {
		return time.Now().Before(s.app.tokens[given].expires)
	}
	if !strings.HasSuffix(r.URL.Path, "/access_tokens") && !strings.HasSuffix(r.URL.Path, "/installation") || s.app.key == nil {
		return false
	}
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(strings.TrimPrefix(header, "Bearer "), claims, func(*jwt.Token) (any, error) { return &s.app.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}))
	return err == nil && claims.Issuer == fmt.Sprint(AppID) && claims.ExpiresAt.Sub(claims.IssuedAt.Time) <= maxJWT
}

func (s *Server) installation(w http.ResponseWriter, r *http.Request) {
	if !mine(r) {
		Reply(w, http.StatusNotFound, message("Not Found"))
		return
	}
	Reply(w, http.StatusOK, map[string]int64{"id": InstallationID})
}

func (s *Server) accessToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in struct {
		Repositories []string
		Permissions  map[string]string
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	switch {
	case err != nil:
		Reply(w, http.StatusBadRequest, message("Problems parsing JSON"))
	case r.PathValue("id") != fmt.Sprint(InstallationID):
		Reply(w, http.StatusNotFound, message("Not Found"))
	case !maps.Equal(in.Permissions, granted):
		Reply(w, http.StatusUnprocessableEntity, message("The permissions requested are not granted to this installation."))
	case !slices.Equal(in.Repositories, []string{Name}):
		Reply(w, http.StatusUnprocessableEntity, message("There is at least one repository that does not exist or is not accessible to the parent installation."))
	default:
		name, expires := fmt.Sprintf("ghs_%d", len(s.app.tokens)), time.Now().Add(s.app.lasts)
		s.app.tokens[name] = token{expires: expires}
		Reply(w, http.StatusCreated, map[string]string{"token": name, "expires_at": expires.UTC().Format(time.RFC3339)})
	}
}
