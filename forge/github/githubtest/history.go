package githubtest

import (
	"encoding/base64"
	"net/http"
)

func (s *Server) serveHistory(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/commits", s.log)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/commits/{commit}", s.commit)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{name}/contents/{path...}", s.contents)
}

type hash struct {
	SHA string `json:"sha"`
}

type commit struct {
	SHA     string `json:"sha"`
	Parents []hash `json:"parents"`
	Files   []file `json:"files,omitempty"`
}

type file struct {
	Filename string `json:"filename"`
}

// log returns a commit and those before it.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	found := s.Log(r.URL.Query().Get("sha"))
	if !mine(r) || len(found) == 0 {
		Reply(w, http.StatusNotFound, message("Not Found"))
		return
	}
	rows := []commit{}
	for _, c := range found[:min(len(found), number(r, "per_page", defaultPage), maxPage)] {
		row := commit{SHA: c.Hash, Parents: []hash{}}
		for _, parent := range c.Parents {
			row.Parents = append(row.Parents, hash{parent})
		}
		rows = append(rows, row)
	}
	Reply(w, http.StatusOK, rows)
}

func (s *Server) commit(w http.ResponseWriter, r *http.Request) {
	found, known := s.Find(r.PathValue("commit"))
	if !mine(r) || !known {
		Reply(w, http.StatusUnprocessableEntity, message("No commit found for SHA: "+r.PathValue("commit")))
		return
	}
	row := commit{SHA: found.Hash, Parents: []hash{}}
	for _, path := range found.Changed {
		row.Files = append(row.Files, file{path})
	}
	Reply(w, http.StatusOK, row)
}

func (s *Server) contents(w http.ResponseWriter, r *http.Request) {
	found, _ := s.Find(r.URL.Query().Get("ref"))
	content, there := found.Files[r.PathValue("path")]
	if !mine(r) || !there {
		Reply(w, http.StatusNotFound, message("Not Found"))
		return
	}
	Reply(w, http.StatusOK, map[string]string{
		"type": "file", "encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(content)),
	})
}
