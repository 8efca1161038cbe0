package gitlabtest

import "net/http"

func (s *Server) serveHistory(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v4/projects/{project}/repository/commits", s.log)
	mux.HandleFunc("GET /api/v4/projects/{project}/repository/commits/{commit}/diff", s.diff)
	mux.HandleFunc("GET /api/v4/projects/{project}/repository/files/{path}/raw", s.raw)
}

type commit struct {
	ID        string   `json:"id"`
	ParentIDs []string `json:"parent_ids"`
}

type diff struct {
	OldPath string `json:"old_path"`
	NewPath string `json:"new_path"`
}

// log returns a commit and those before it, or its first parents if these are asked for.
// GitLab answers 404 for an unknown one.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	found := s.Log(r.URL.Query().Get("ref_name"))
	if r.URL.Query().Get("first_parent") == "true" {
		found = s.FirstParents(r.URL.Query().Get("ref_name"))
	}
	if r.PathValue("project") != Project || len(found) == 0 {
		Reply(w, http.StatusNotFound, message("404 Not Found"))
		return
	}
	rows := []commit{}
	for _, c := range found[:min(len(found), number(r, "per_page", defaultPage), maxPage)] {
		rows = append(rows, commit{ID: c.Hash, ParentIDs: append([]string{}, c.Parents...)})
	}
	Reply(w, http.StatusOK, rows)
}

func (s *Server) diff(w http.ResponseWriter, r *http.Request) {
	found, _ := s.Find(r.PathValue("commit"))
	if !s.has(r) {
		Reply(w, http.StatusNotFound, message("404 Commit Not Found"))
		return
	}
	rows := []diff{}
	for _, path := range found.Changed {
		rows = append(rows, diff{OldPath: path, NewPath: path})
	}
	Reply(w, http.StatusOK, rows)
}

func (s *Server) raw(w http.ResponseWriter, r *http.Request) {
	found, _ := s.Find(r.URL.Query().Get("ref"))
	content, there := found.Files[r.PathValue("path")]
	if r.PathValue("project") != Project || !there {
		Reply(w, http.StatusNotFound, message("404 File Not Found"))
		return
	}
	_, _ = w.Write([]byte(content)) // fails only if the client has left
}
