package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// robot is the login of the token's owner.
const robot = "carrel-bot"

// maxComment is the length of the longest comment that GitHub accepts, in characters.
const maxComment = 65536

// Actions turns the token into that of a GitHub Actions run. It may not ask for its owner,
// and comments under another name.
func (s *Server) Actions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.comments.actions = true
}

// self returns the login of the token's owner.
func (c *comments) self() string {
	if c.actions {
		return "github-actions[bot]"
	}
	return robot
}

// comments holds the comments on pull requests, which GitHub counts as issues.
type comments struct {
	actions  bool
	requests int64
	all      []*comment
}

type comment struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	User struct {
		Login string `json:"login"`
	} `json:"user"`
	request int64
}

// Request opens a pull request and returns its number.
func (s *Server) Request() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.comments.requests++
	return s.comments.requests
}

// Say adds a comment of another user.
func (s *Server) Say(request int64, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.comments.add(request, body, "teacher")
}

// Bodies returns the bodies of the comments on a pull request, oldest first.
func (s *Server) Bodies(request int64) (bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.comments.on(request) {
		bodies = append(bodies, c.Body)
	}
	return bodies
}

func (c *comments) add(request int64, body, login string) *comment {
	made := &comment{ID: int64(len(c.all) + 1), Body: body, request: request}
	made.User.Login = login
	c.all = append(c.all, made)
	return made
}

func (c *comments) on(request int64) []*comment {
	found := []*comment{}
	for _, one := range c.all {
		if one.request == request {
			found = append(found, one)
		}
	}
	return found
}

func (s *Server) serveComments(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v3/user", s.user)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/issues/{request}/comments", s.listComments)
	mux.HandleFunc("POST /api/v3/repos/{owner}/{name}/issues/{request}/comments", s.comment)
	mux.HandleFunc("PATCH /api/v3/repos/{owner}/{name}/issues/comments/{id}", s.edit)
}

func (s *Server) user(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.comments.actions {
		Reply(w, http.StatusForbidden, message("Resource not accessible by integration"))
		return
	}
	Reply(w, http.StatusOK, map[string]string{"login": robot})
}

func (s *Server) listComments(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, known := s.request(r)
	if !known {
		Reply(w, http.StatusNotFound, message("Not Found"))
		return
	}
	found := s.comments.on(request)
	page, size := number(r, "page", 1), min(number(r, "per_page", defaultPage), maxPage)
	if page*size < len(found) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=%d>; rel="next"`, s.URL, r.URL.Path, page+1))
	}
	Reply(w, http.StatusOK, found[min((page-1)*size, len(found)):min(page*size, len(found))])
}

func (s *Server) comment(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, known := s.request(r)
	body, ok := bodyOf(w, r)
	switch {
	case !known:
		Reply(w, http.StatusNotFound, message("Not Found"))
	case ok:
		Reply(w, http.StatusCreated, s.comments.add(request, body, s.comments.self()))
	}
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 || id > len(s.comments.all) {
		Reply(w, http.StatusNotFound, message("Not Found"))
		return
	}
	if body, ok := bodyOf(w, r); ok {
		s.comments.all[id-1].Body = body
		Reply(w, http.StatusOK, s.comments.all[id-1])
	}
}

// request returns the number of the pull request in a path, and whether it exists.
func (s *Server) request(r *http.Request) (request int64, known bool) {
	request, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	return request, err == nil && mine(r) && request >= 1 && request <= s.comments.requests
}

func bodyOf(w http.ResponseWriter, r *http.Request) (body string, ok bool) {
	var in struct{ Body string }
	switch err := json.NewDecoder(r.Body).Decode(&in); {
	case err != nil:
		Reply(w, http.StatusBadRequest, message("Problems parsing JSON"))
	case utf8.RuneCountInString(in.Body) > maxComment:
		Reply(w, http.StatusUnprocessableEntity, message("Validation Failed: body is too long (maximum is 65536 characters)"))
	default:
		return in.Body, true
	}
	return "", false
}
