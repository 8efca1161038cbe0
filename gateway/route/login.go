package route

import (
	"embed"
	"net/http"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/page"
)

//go:embed templates
var templates embed.FS

var pages = page.MustParse(templates)

// ShowLogin shows a page of the login as all others are.
func ShowLogin(rw http.ResponseWriter, r *http.Request, p auth.Page) {
	pages.Show(rw, r, page.Page{Status: p.Status, Template: "login", Title: p.Title, Class: "narrow", Guest: true, Data: p})
}
