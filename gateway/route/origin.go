package route

import "net/http"

// Answers to requests that a page of another origin caused.
const (
	sameOrigin = "same-origin"
	// none: a person typed the address, or chose a bookmark.
	noSite = "none"
)

// own reports whether a request was caused by a page of its own host, or by a person
// who goes to it. Hosts of one domain are of one site, so that a browser sends a
// student's cookies also with what another student's page asks for.
//
// Upgrades and methods that change something need an Origin, and that of their own
// host. Others may come without, unless the browser says that a page elsewhere loads
// them as a part of itself.
func own(r *http.Request) bool {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if isUpgrade(r) || !isSafe(r.Method) {
		if origin == "" || origin == "null" {
			// A page that sends no referrer sends "null" to itself, too.
			return site == sameOrigin
		}
		return isOrigin(origin, r.Host)
	}
	switch site {
	case "", sameOrigin, noSite:
		return true
	}
	// A link, or a form that only asks, on a page elsewhere; in a window of its own.
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// isOrigin reports whether an Origin is that of a host. Browsers keep our cookies for
// https alone.
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
