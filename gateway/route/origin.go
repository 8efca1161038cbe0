package route

import "net/http"

// Values of Sec-Fetch-Site.
const (
	sameOrigin = "same-origin"
	// noSite means that a person typed the address or chose a bookmark.
	noSite = "none"
)

// fromOwnOrigin reports whether a request was caused by a page of its own host, or by a
// person who goes to that host. Hosts of one domain are the same site, so a browser sends a
// student's cookies also with the requests of another student's page.
//
// Upgrades and unsafe methods need an Origin that is their own host. Other requests need
// none, unless the browser tells that a page of another origin loads them as a part of
// itself.
func fromOwnOrigin(r *http.Request) bool {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if isUpgrade(r) || !isSafe(r.Method) {
		if origin == "" || origin == "null" {
			// A page with the referrer policy no-referrer sends "null" even to its own host.
			return site == sameOrigin
		}
		return isOrigin(origin, r.Host)
	}
	switch site {
	case "", sameOrigin, noSite:
		return true
	}
	// A page of another origin may link here, or send a form by GET, in a window of its own.
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
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
