package giteatest

import "net/http"

func (s *Server) serveHistory(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/repos/{owner}/{name}/commits", s.log)
	mux.HandleFunc("GET /api/v1/repos/{owner}/{name}/git/commits/{commit}", s.commit)
	mux.HandleFunc("GET /api/v1/repos/{owner}/{name}/raw/{path...}", s.raw)
}

type hash struct {
	SHA string `json:"sha"`
}

type commit struct {
	SHA     string `json:"sha"`
	Parents []hash `json:"parents"`
	Files   []file `json:"files"`
}

type file struct {
	Filename string `json:"filename"`
}

// log returns a page of a commit and those before it.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	found := s.Log(r.URL.Query().Get("sha"))
	if r.PathValue("owner") != Owner || r.PathValue("name") != Name || len(found) == 0 {
		reply(w, http.StatusNotFound, message("object does not exist"))
		return
	}
	page, size := number(r, "page", 1), number(r, "limit", defaultPage)
	rows := []commit{}
	for _, c := range found[min((page-1)*size, len(found)):min(page*size, len(found))] {
		row := commit{SHA: c.Hash, Parents: []hash{}}
		for _, parent := range c.Parents {
			row.Parents = append(row.Parents, hash{parent})
		}
		rows = append(rows, row)
	}
	reply(w, http.StatusOK, rows)
}

func (s *Server) commit(w http.ResponseWriter, r *http.Request) {
	found, _ := s.Find(r.PathValue("commit"))
	if !s.has(r) {
		reply(w, http.StatusNotFound, message("not found"))
		return
	}
	row := commit{SHA: found.Hash, Files: []file{}}
	for _, path := range found.Changed {
		row.Files = append(row.Files, file{path})
	}
	reply(w, http.StatusOK, row)
}

func (s *Server) raw(w http.ResponseWriter, r *http.Request) {
	found, _ := s.Find(r.URL.Query().Get("ref"))
	content, there := found.Files[r.PathValue("path")]
	if r.PathValue("owner") != Owner || r.PathValue("name") != Name || !there {
		reply(w, http.StatusNotFound, message("not found"))
		return
	}
	_, _ = w.Write([]byte(content)) // fails only if the client has left
}
