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

// ShowLogin answers with a page of the login in the layout of the other pages. It is an
// auth.Render.
func ShowLogin(rw http.ResponseWriter, r *http.Request, p auth.LoginPage) {
	pages.Show(rw, r, page.Page{Status: p.Status, Template: "login", Title: p.Title, Class: "narrow", Guest: true, Data: p})
}
