package gitlabtest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// robot is the ID of the token's owner.
const robot = 7

// notes holds the notes on merge requests.
type notes struct {
	requests int64
	all      []*note
}

type note struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	Author struct {
		ID int64 `json:"id"`
	} `json:"author"`
	request int64
}

// Request opens a merge request and returns its number within the project.
func (s *Server) Request() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.requests++
	return s.notes.requests
}

// Say adds a note of another user.
func (s *Server) Say(request int64, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.add(request, body, robot+1)
}

// Bodies returns the bodies of the notes on a merge request, oldest first.
func (s *Server) Bodies(request int64) (bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes.on(request) {
		bodies = append(bodies, n.Body)
	}
	return bodies
}

func (n *notes) add(request int64, body string, author int64) *note {
	made := &note{ID: int64(len(n.all) + 1), Body: body, request: request}
	made.Author.ID = author
	n.all = append(n.all, made)
	return made
}

func (n *notes) on(request int64) []*note {
	found := []*note{}
	for _, one := range n.all {
		if one.request == request {
			found = append(found, one)
		}
	}
	return found
}

func (s *Server) serveNotes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, _ *http.Request) {
		Reply(w, http.StatusOK, map[string]int{"id": robot})
	})
	mux.HandleFunc("GET /api/v4/projects/{project}/merge_requests/{request}/notes", s.listNotes)
	mux.HandleFunc("POST /api/v4/projects/{project}/merge_requests/{request}/notes", s.note)
	mux.HandleFunc("PUT /api/v4/projects/{project}/merge_requests/{request}/notes/{id}", s.edit)
}

func (s *Server) listNotes(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, known := s.request(r)
	if !known {
		Reply(w, http.StatusNotFound, message("404 Not found"))
		return
	}
	found := s.notes.on(request)
	page, size := number(r, "page", 1), min(number(r, "per_page", defaultPage), maxPage)
	if page*size < len(found) {
		w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
	}
	Reply(w, http.StatusOK, found[min((page-1)*size, len(found)):min(page*size, len(found))])
}

func (s *Server) note(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, known := s.request(r)
	body, ok := bodyOf(w, r)
	switch {
	case !known:
		Reply(w, http.StatusNotFound, message("404 Not found"))
	case ok:
		Reply(w, http.StatusCreated, s.notes.add(request, body, robot))
	}
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, known := s.request(r)
	id, err := strconv.Atoi(r.PathValue("id"))
	if !known || err != nil || id < 1 || id > len(s.notes.all) || s.notes.all[id-1].request != request {
		Reply(w, http.StatusNotFound, message("404 Not found"))
		return
	}
	if body, ok := bodyOf(w, r); ok {
		s.notes.all[id-1].Body = body
		Reply(w, http.StatusOK, s.notes.all[id-1])
	}
}

// request returns the number of the merge request in a path, and whether it exists.
func (s *Server) request(r *http.Request) (request int64, known bool) {
	request, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	return request, err == nil && r.PathValue("project") == Project && request >= 1 && request <= s.notes.requests
}

func bodyOf(w http.ResponseWriter, r *http.Request) (body string, ok bool) {
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Reply(w, http.StatusBadRequest, message("400 Bad request"))
		return "", false
	}
	return in.Body, true
}
