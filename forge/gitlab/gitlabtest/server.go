// Package gitlabtest provides a server with GitLab's API for commit statuses and notes, by
// GitLab's documentation and by reports of its behaviour. A name has one row, which changes
// its state until it is finished. A change to the same state is refused.
package gitlabtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/carrel-dev/carrel/forge/standin"
)

// The server's project, below a sub-group, and the token that it accepts.
const (
	Project = "lab/term/carrel"
	Token   = "a-token"
)

// The number of rows in a page by default and at most.
const (
	defaultPage = 20
	maxPage     = 100
)

// maxTarget is the length of the longest target_url, in characters.
const maxTarget = 255

// defaultBranch is the branch that has every commit.
const defaultBranch = "main"

// Server has one project.
type Server struct {
	*httptest.Server

	standin.History

	mu      sync.Mutex
	rows    []*row
	failure http.HandlerFunc

	notes notes
}

type row struct {
	ID          int    `json:"id"`
	SHA         string `json:"sha"`
	Status      string `json:"status"`
	Name        string `json:"name"`
	Description string `json:"description"`
	TargetURL   string `json:"target_url"`
	Ref         string `json:"ref"`
}

// New starts a server, which stops with the test.
func New(t testing.TB) *Server {
	s := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v4/projects/{project}/repository/commits/{commit}/statuses", s.list)
	mux.HandleFunc("POST /api/v4/projects/{project}/statuses/{commit}", s.set)
	s.serveHistory(mux)
	s.serveNotes(mux)
	s.Server = httptest.NewServer(s.guard(mux))
	t.Cleanup(s.Close)
	return s
}

// Address returns the web address of the project.
func (s *Server) Address() string { return s.URL + "/" + Project }

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
		case r.Header.Get("Private-Token") != Token:
			Reply(w, http.StatusUnauthorized, message("401 Unauthorized"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// list returns the oldest row first.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(r) {
		Reply(w, http.StatusNotFound, message("404 Commit Not Found"))
		return
	}
	name, found := r.URL.Query().Get("name"), []*row{}
	for _, row := range s.rows {
		if row.SHA == r.PathValue("commit") && (name == "" || row.Name == name) {
			found = append(found, row)
		}
	}
	page, size := number(r, "page", 1), min(number(r, "per_page", defaultPage), maxPage)
	if page*size < len(found) {
		w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
	}
	Reply(w, http.StatusOK, found[min((page-1)*size, len(found)):min(page*size, len(found))])
}

// set changes the unfinished row of the name, or adds a row.
func (s *Server) set(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in struct {
		State, Name, Description, Ref string
		TargetURL                     string `json:"target_url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Reply(w, http.StatusBadRequest, message(err.Error()))
		return
	}
	event := map[string]string{"pending": "enqueue", "running": "run", "success": "success", "failed": "drop"}[in.State]
	ref := cmp.Or(in.Ref, defaultBranch)
	current := s.unfinished(r.PathValue("commit"), ref, in.Name)
	switch {
	case !s.has(r):
		Reply(w, http.StatusNotFound, message("404 Commit Not Found"))
		return
	case event == "":
		Reply(w, http.StatusBadRequest, message("state does not have a valid value"))
		return
	case len(in.TargetURL) > maxTarget:
		Reply(w, http.StatusBadRequest, message("target_url is too long (maximum is 255 characters)"))
		return
	case current != nil && (in.State == current.Status || in.State == "pending"):
		Reply(w, http.StatusBadRequest, message(fmt.Sprintf(
			`Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via "%s")`, event, current.Status, event)))
		return
	case current == nil:
		current = &row{ID: len(s.rows) + 1, SHA: r.PathValue("commit"), Name: in.Name, Ref: ref}
		s.rows = append(s.rows, current)
	}
	current.Status, current.Description, current.TargetURL = in.State, in.Description, in.TargetURL
	Reply(w, http.StatusCreated, current)
}

// unfinished returns the unfinished row of a name in the pipeline of a commit and branch;
// nil if there is none.
func (s *Server) unfinished(commit, ref, name string) *row {
	for _, row := range s.rows {
		if row.SHA == commit && row.Ref == ref && row.Name == name && (row.Status == "pending" || row.Status == "running") {
			return row
		}
	}
	return nil
}

// Refs returns the branches of the statuses of a commit.
func (s *Server) Refs(commit string) (refs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if row.SHA == commit {
			refs = append(refs, row.Ref)
		}
	}
	return refs
}

func (s *Server) has(r *http.Request) bool {
	return r.PathValue("project") == Project && s.Has(r.PathValue("commit"))
}

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
