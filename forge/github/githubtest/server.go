// Package githubtest provides a server with GitHub's API for commit statuses, Apps and
// comments, by GitHub's documentation, including the limits of fields.
package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/standin"
)

// The server's repository, and the token that it accepts.
const (
	Owner = "lab"
	Name  = "carrel"
	Token = "a-token"
)

// GitHub's documented limits: characters of a description, statuses of one commit and
// context, rows of a page by default and at most.
const (
	maxDescription = 140
	maxRows        = 1000
	defaultPage    = 30
	maxPage        = 100
)

// Server has one repository.
type Server struct {
	*httptest.Server

	standin.History

	mu      sync.Mutex
	rows    []row
	failure http.HandlerFunc

	comments comments
	app      app
}

type row struct {
	ID          int         `json:"id"`
	State       forge.State `json:"state"`
	Description string      `json:"description"`
	Context     string      `json:"context"`
	TargetURL   string      `json:"target_url,omitempty"`
	commit      string
}

// New starts a server, which stops with the test.
func New(t testing.TB) *Server {
	s := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/commits/{commit}/statuses", s.list)
	mux.HandleFunc("POST /api/v3/repos/{owner}/{name}/statuses/{commit}", s.create)
	s.serveHistory(mux)
	s.serveComments(mux)
	s.serveApp(mux)
	s.Server = httptest.NewServer(s.guard(mux))
	t.Cleanup(s.Close)
	return s
}

// Address returns the web address of the repository.
func (s *Server) Address() string { return s.URL + "/" + Owner + "/" + Name }

// Fail answers every request from now on by failure; nil ends this.
func (s *Server) Fail(failure http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = failure
}

func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		failure := s.failure
		s.mu.Unlock()
		switch {
		case failure != nil:
			failure(w, r)
		case !s.admits(r):
			Reply(w, http.StatusUnauthorized, message("Bad credentials"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *Server) admits(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer "+Token || s.admitsApp(r)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	commit := r.PathValue("commit")
	if !mine(r) || !s.Has(commit) {
		Reply(w, http.StatusNotFound, message("Not Found"))
		return
	}
	found := []row{}
	for _, row := range slices.Backward(s.rows) {
		if row.commit == commit {
			found = append(found, row)
		}
	}
	page, size := number(r, "page", 1), min(number(r, "per_page", defaultPage), maxPage)
	if page*size < len(found) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=%d>; rel="next"`, s.URL, r.URL.Path, page+1))
	}
	Reply(w, http.StatusOK, found[min((page-1)*size, len(found)):min(page*size, len(found))])
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	commit := r.PathValue("commit")
	in := row{ID: len(s.rows) + 1, commit: commit}
	switch err := json.NewDecoder(r.Body).Decode(&in); {
	case !mine(r):
		Reply(w, http.StatusNotFound, message("Not Found"))
	case err != nil:
		Reply(w, http.StatusBadRequest, message("Problems parsing JSON"))
	case !s.Has(commit):
		Reply(w, http.StatusUnprocessableEntity, message("No commit found for SHA: "+commit))
	case utf8.RuneCountInString(in.Description) > maxDescription:
		Reply(w, http.StatusUnprocessableEntity, message("Validation Failed: description is too long (maximum is 140 characters)"))
	case in.TargetURL != "" && !strings.HasPrefix(in.TargetURL, "https://") && !strings.HasPrefix(in.TargetURL, "http://"):
		Reply(w, http.StatusUnprocessableEntity, message("Validation Failed: target_url must use http(s) scheme"))
	case s.count(in) >= maxRows:
		Reply(w, http.StatusUnprocessableEntity, message("Validation Failed: This SHA and context has reached the maximum number of statuses."))
	default:
		s.rows = append(s.rows, in)
		Reply(w, http.StatusCreated, in)
	}
}

func (s *Server) count(like row) int {
	n := 0
	for _, row := range s.rows {
		if row.commit == like.commit && row.Context == like.Context {
			n++
		}
	}
	return n
}

func mine(r *http.Request) bool { return r.PathValue("owner") == Owner && r.PathValue("name") == Name }

func number(r *http.Request, key string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(key)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

func message(text string) map[string]string { return map[string]string{"message": text} }

// Reply answers with JSON.
func Reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has left
}
