package page

import (
	"encoding/json"
	"net/http"
	"strings"
)

var problems = MustParse(layoutFiles)

// Problem answers a request with what is wrong: as a page to whoever reads pages,
// else as a line of JSON. The texts are those of the keys problem.<name>.title and
// problem.<name>.text.
func Problem(rw http.ResponseWriter, r *http.Request, status int, name string) {
	if !WantsPage(r) {
		Refuse(rw, status, name, LanguageOf(r).Text("problem."+name+".text"))
		return
	}
	ShowProblem(rw, r, status, name)
}

// TryAgain answers a request with a problem that passes: programs are told when to ask
// again, a page asks by itself. The page's text is that of Problem.
func TryAgain(rw http.ResponseWriter, r *http.Request, name string) {
	rw.Header().Set("Retry-After", tryAgainAfter)
	if WantsPage(r) {
		rw.Header().Set("Refresh", tryAgainAfter)
	}
	Problem(rw, r, http.StatusServiceUnavailable, name)
}

// tryAgainAfter is in seconds: soon for a person, seldom for what has a problem.
const tryAgainAfter = "5"

// ShowProblem answers a request with the page of Problem, whatever it asks for:
// the answer to a form is a page too.
func ShowProblem(rw http.ResponseWriter, r *http.Request, status int, name string) {
	title := LanguageOf(r).Text("problem." + name + ".title")
	problems.Show(rw, r, Page{Status: status, Template: "problem", Title: title, Class: "narrow", Data: name})
}

// Refuse answers a program with a line of JSON.
func Refuse(rw http.ResponseWriter, status int, reason, message string) {
	secure(rw.Header())
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{"reason": reason, "message": message}) // who left does not miss it
}

// WantsPage reports whether a request comes from somebody who goes to a page, and
// not from a program, or a part of a page, that awaits something else.
func WantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
