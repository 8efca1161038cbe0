// Package giteatest provides a server with Gitea's API for commit statuses, which fails on
// request. It passes the same conformance tests as Gitea itself.
package giteatest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/standin"
)

// The server's repository, and the token that it accepts.
const (
	Owner = "lab"
	Name  = "carrel"
	Token = "a-token"
)

// defaultPage is the number of rows in a page if the request has no limit.
const defaultPage = 30

// Server has one repository.
type Server struct {
	*httptest.Server

	standin.History

	mu       sync.Mutex
	token    string
	rows     []row
	requests int
	failure  func(http.ResponseWriter)
	deaf     bool
}

type row struct {
	ID          int64       `json:"id"`
	State       forge.State `json:"status"`
	Description string      `json:"description"`
	Context     string      `json:"context"`
	TargetURL   string      `json:"target_url"`
	Created     time.Time   `json:"created_at"`
	commit      string
}

// New starts a server, which stops with the test.
func New(t testing.TB) *Server { return start(t, (*httptest.Server).Start) }

// NewTLS starts a server with HTTPS and a certificate of its own.
func NewTLS(t testing.TB) *Server { return start(t, (*httptest.Server).StartTLS) }

func start(t testing.TB, with func(*httptest.Server)) *Server {
	s := &Server{token: Token}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/repos/{owner}/{name}/commits/{commit}/statuses", s.list)
	mux.HandleFunc("POST /api/v1/repos/{owner}/{name}/statuses/{commit}", s.create)
	s.serveHistory(mux)
	s.Server = httptest.NewUnstartedServer(s.guard(mux))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the failures are meant
	with(s.Server)
	t.Cleanup(s.Close)
	return s
}

// CA returns the certificate of a server that NewTLS started, in PEM.
func (s *Server) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// Address returns the web address of the repository.
func (s *Server) Address() string { return s.URL + "/" + Owner + "/" + Name }

// SetToken changes the token that the server accepts.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// Fail answers every request from now on by failure; nil ends this.
func (s *Server) Fail(failure func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = failure
}

// Deafen makes the server carry out requests and break the connection instead of answering,
// like a forge that dies half-way; false ends this.
func (s *Server) Deafen(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

// Answer returns a failure with a status code.
func Answer(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, "a page of something in between", code) }
}

// Throttle returns a failure with 429 and a Retry-After.
func Throttle(d time.Duration) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.Seconds())))
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// HangUp is a failure: it breaks the connection.
func HangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// Posted returns the statuses posted on a commit, oldest first.
func (s *Server) Posted(commit string) []forge.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var posted []forge.Status
	for _, r := range s.rows {
		if r.commit == commit {
			posted = append(posted, forge.Status{Context: r.Context, State: r.State, Description: r.Description, Target: r.TargetURL})
		}
	}
	return posted
}

// Requests returns the number of requests so far, including those that failed.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		failure, deaf, token := s.failure, s.deaf, s.token
		s.mu.Unlock()
		switch {
		case failure != nil:
			failure(w)
		case r.Header.Get("Authorization") != "token "+token:
			reply(w, http.StatusUnauthorized, message("user does not exist"))
		case deaf:
			next.ServeHTTP(httptest.NewRecorder(), r)
			HangUp(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// list returns the newest second first, and within a second the oldest row first.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(r) {
		reply(w, http.StatusNotFound, message("not found"))
		return
	}
	found := []row{}
	for _, row := range s.rows {
		if row.commit == r.PathValue("commit") {
			found = append(found, row)
		}
	}
	slices.SortStableFunc(found, func(a, b row) int { return b.Created.Compare(a.Created) })
	page, size := number(r, "page", 1), number(r, "limit", defaultPage)
	if page*size < len(found) {
		w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, r.URL.Path, page+1))
	}
	reply(w, http.StatusOK, found[min((page-1)*size, len(found)):min(page*size, len(found))])
}

// create answers 500 for a commit that does not exist, as Gitea does.
func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.PathValue("owner") != Owner || r.PathValue("name") != Name {
		reply(w, http.StatusNotFound, message("not found"))
		return
	}
	if !s.has(r) {
		reply(w, http.StatusInternalServerError, message("GetCommit: object does not exist"))
		return
	}
	// The fields are those of CreateStatusOption, and differ from those of an answer.
	var in struct {
		State       forge.State `json:"state"`
		Description string      `json:"description"`
		Context     string      `json:"context"`
		TargetURL   string      `json:"target_url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		reply(w, http.StatusUnprocessableEntity, message(err.Error()))
		return
	}
	created := row{
		ID: int64(len(s.rows) + 1), State: in.State, Description: in.Description, Context: in.Context, TargetURL: in.TargetURL,
		Created: time.Now().Truncate(time.Second), commit: r.PathValue("commit"),
	}
	s.rows = append(s.rows, created)
	reply(w, http.StatusCreated, created)
}

func (s *Server) has(r *http.Request) bool {
	return r.PathValue("owner") == Owner && r.PathValue("name") == Name && s.Has(r.PathValue("commit"))
}

func number(r *http.Request, key string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(key)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

func message(text string) map[string]string { return map[string]string{"message": text} }

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has left
}
