package page

import (
	"encoding/json"
	"net/http"
	"strings"
)

var problems = MustParse(layoutFiles)

// problem is the data of the template.
type problem struct {
	Name string
	// Desk is the address of the desk to link to, without a slash at the end; "" for no
	// links.
	Desk string
	// Restart is the address at which the carrel is restarted; "" for none.
	Restart string
}

// Problem answers a request with a problem: with a page if the request is for a page, else
// with a line of JSON. The texts have the keys problem.<name>.title and
// problem.<name>.text.
func Problem(rw http.ResponseWriter, r *http.Request, status int, name string) {
	ProblemWithWays(rw, r, status, name, "")
}

// ProblemWithWays answers as Problem does. The page also links to the visitor's carrels and
// to the login as another user, at the desk with this address.
func ProblemWithWays(rw http.ResponseWriter, r *http.Request, status int, name, desk string) {
	if !WantsPage(r) {
		Refuse(rw, status, name, LanguageOf(r).Text("problem."+name+".text"))
		return
	}
	showProblem(rw, r, status, problem{Name: name, Desk: desk})
}

// Silent answers the request for a page of a carrel that says nothing. The page leads to
// the address at which the carrel is restarted, unless that is "".
func Silent(rw http.ResponseWriter, r *http.Request, restart string) {
	showProblem(rw, r, http.StatusGatewayTimeout, problem{Name: "silent", Restart: restart})
}

// Busy answers a request that is over a bound, with the texts of Problem. Programs get a
// Retry-After, and the page reloads itself. The body of the request is not read.
func Busy(rw http.ResponseWriter, r *http.Request, status int, name, desk string) {
	rw.Header().Set("Retry-After", tryAgainAfter)
	if r.ContentLength != 0 {
		rw.Header().Set("Connection", "close") // the server would first read the body
	}
	if WantsPage(r) {
		rw.Header().Set("Refresh", tryAgainAfter)
	}
	ProblemWithWays(rw, r, status, name, desk)
}

// TryAgain answers a request with a temporary problem, with the texts of Problem. Programs
// get a Retry-After, and the page reloads itself.
func TryAgain(rw http.ResponseWriter, r *http.Request, name string) {
	rw.Header().Set("Retry-After", tryAgainAfter)
	if WantsPage(r) {
		rw.Header().Set("Refresh", tryAgainAfter)
	}
	Problem(rw, r, http.StatusServiceUnavailable, name)
}

// tryAgainAfter is in seconds. It is short for a person who waits, and long enough for an
// API server that is overloaded.
const tryAgainAfter = "5"

// ShowProblem answers a request with the page of Problem, also if the request is not for a
// page, as a form is not.
func ShowProblem(rw http.ResponseWriter, r *http.Request, status int, name string) {
	showProblem(rw, r, status, problem{Name: name})
}

func showProblem(rw http.ResponseWriter, r *http.Request, status int, p problem) {
	title := LanguageOf(r).Text("problem." + p.Name + ".title")
	problems.Show(rw, r, Page{Status: status, Template: "problem", Title: title, Class: "narrow", Data: p})
}

// Refuse answers a program with a line of JSON.
func Refuse(rw http.ResponseWriter, status int, reason, message string) {
	secure(rw.Header())
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{"reason": reason, "message": message}) // fails only if the client has left
}

// WantsPage reports whether a browser is going to a page. Programs, and the parts of a
// page, expect other answers.
func WantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
