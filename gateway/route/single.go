package route

import (
	"net/http"
	"net/url"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

const (
	// choosePath is the path of the page on which visitors with several carrels choose
	// one, in the single-host mode.
	choosePath = page.Prefix + "choose"
	// chosenParameter names the chosen carrel in the query.
	chosenParameter = "carrel"
	// chosenCookie stores the chosen carrel. Programs in carrels can neither read nor set
	// cookies with this prefix.
	chosenCookie = "__Host-carrel-chosen"
)

// single returns the handler of the single-host mode, which serves each visitor their own
// carrel at /. Staff can't open the carrels of others: login and carrels share an origin
// here, so the page of a carrel could act in the name of its visitor.
func (rt *Router) single(course string) http.Handler {
	nobody := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { page.Problem(rw, r, http.StatusForbidden, "nocarrel") })
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		id, known := auth.FromContext(r.Context())
		if !known {
			page.Problem(rw, r, http.StatusForbidden, "forbidden")
			return
		}
		carrels := rt.carrelsOf(course, id.User)
		if len(carrels) == 0 {
			if _, ok := rt.enrol(rw, r, id, course, nobody); !ok {
				return
			}
			carrels = rt.carrelsOf(course, id.User)
		}
		if r.URL.Path == choosePath {
			rt.choose(rw, r, carrels)
			return
		}
		chosen, ok := chosen(r, carrels)
		if !ok && page.WantsPage(r) {
			rt.choose(rw, r, carrels)
			return
		}
		auth.StripCookies(r)
		rt.open(rw, r, id, course, chosen.Name) //nolint:contextcheck // It passes the context of r.
	})
}

// chosen returns the carrel that a visitor chose, or their only one. If they did not
// choose, it returns the first and false.
func chosen(r *http.Request, carrels []directory.Carrel) (directory.Carrel, bool) {
	cookie, err := r.Cookie(chosenCookie)
	for _, c := range carrels {
		if len(carrels) == 1 || err == nil && cookie.Value == c.Name {
			return c, true
		}
	}
	if len(carrels) == 0 {
		return directory.Carrel{}, false
	}
	return carrels[0], false
}

// choices is the data of the template with the carrels to choose from.
type choices struct{ Carrels []choice }

type choice struct{ Name, Template, State, URL string }

// choose stores the choice of the query in a cookie, or shows the page to choose on.
func (rt *Router) choose(rw http.ResponseWriter, r *http.Request, carrels []directory.Carrel) {
	wanted := r.URL.Query().Get(chosenParameter)
	var v choices
	for _, c := range carrels {
		if c.Name == wanted && r.URL.Path == choosePath {
			http.SetCookie(rw, &http.Cookie{Name: chosenCookie, Value: c.Name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
			http.Redirect(rw, r, "/", http.StatusSeeOther)
			return
		}
		v.Carrels = append(v.Carrels, choice{c.Name, c.Template, c.State, choosePath + "?" + url.Values{chosenParameter: {c.Name}}.Encode()})
	}
	lang := page.LanguageOf(r)
	pages.Show(rw, r, page.Page{Template: "choose", Title: lang.Text("mine.title"), Class: "medium", Guest: true, Data: v})
}
