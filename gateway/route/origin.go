package route

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/page"
)

// Values of Sec-Fetch-Site.
const (
	sameOrigin = "same-origin"
	// noSite means that a person typed the address or chose a bookmark.
	noSite = "none"
)

// cause names the sort of page or program that caused a request.
type cause int

const (
	// own is a page of the request's own host, a person who goes to that host, or a
	// program that is no browser.
	own cause = iota
	// link is a page of another origin that links here, or sends a form by GET, in a
	// window of its own.
	link
	// foreign is a page of another origin that acts in its visitor's name.
	foreign
)

// causeOf returns what caused a request. Hosts of one domain are the same site, so a browser
// sends a student's cookies also with the requests of another student's page.
//
// Upgrades and unsafe methods need an Origin that is their own host. Other requests need
// none, unless the browser tells that a page of another origin loads them as a part of
// itself. A browser too old to tell that must name a page of the same host.
func causeOf(r *http.Request) cause {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if isUpgrade(r) || !isSafe(r.Method) {
		if origin == "" || origin == "null" {
			// A page with the referrer policy no-referrer sends "null" even to its own host.
			return ownIf(site == sameOrigin)
		}
		return ownIf(isOrigin(origin, r.Host))
	}
	switch site {
	case sameOrigin, noSite:
		return own
	case "":
		return causeWithoutFetch(r)
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		return link
	}
	return foreign
}

// causeWithoutFetch returns what caused a request without Sec-Fetch-Site. Browsers send it
// since 2020, and Safari since 2023. All browsers call themselves Mozilla.
func causeWithoutFetch(r *http.Request) cause {
	from := r.Header.Get("Origin")
	if from == "" {
		from = originOf(r.Header.Get("Referer"))
	}
	switch {
	case from != "":
		if isOrigin(from, r.Host) {
			return own
		}
		if page.WantsPage(r) {
			return link
		}
		return foreign
	case page.WantsPage(r), !strings.HasPrefix(r.UserAgent(), "Mozilla/"):
		return own
	}
	return foreign
}

func ownIf(is bool) cause {
	if is {
		return own
	}
	return foreign
}

// originOf returns the origin of an address; "" if it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// asks reports whether a link needs the visitor's consent: with a query it may act in the
// visitor's name. The visitor who comes back from the login has not followed one.
func asks(r *http.Request) bool {
	return r.URL.RawQuery != "" && !auth.CameBack(r.Context())
}

// AskToFollow answers a link of another page with a page that shows where it leads.
func AskToFollow(rw http.ResponseWriter, r *http.Request) {
	lang := page.LanguageOf(r)
	pages.Show(rw, r, page.Page{
		Status: http.StatusForbidden, Template: "follow", Title: lang.Text("follow.title"), Class: "narrow", Guest: true, Data: r.URL.RequestURI(),
	})
}

// isOrigin reports whether an Origin is that of a host. It must be https, since browsers
// send the gateway's cookies over nothing else.
func isOrigin(origin, host string) bool {
	const scheme = "https://"
	return len(origin) > len(scheme) && origin[:len(scheme)] == scheme && canonical(origin[len(scheme):]) == canonical(host)
}

func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// isUpgrade reports whether a request asks for another protocol.
func isUpgrade(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" || r.Method == http.MethodConnect
}
