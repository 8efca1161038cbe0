package auth

import (
	"net/http"
	"strings"
)

// Names of the gateway's cookies. All begin with cookiePrefix, which no cookie of a
// carrel may.
const (
	cookiePrefix  = "__Host-carrel"
	sessionCookie = cookiePrefix + "-desk"
	refreshCookie = cookiePrefix + "-refresh"
	loginCookie   = cookiePrefix + "-login"
	nonceCookie   = cookiePrefix + "-nonce"
	carrelCookie  = cookiePrefix + "-here"
	backCookie    = cookiePrefix + "-back"
)

const (
	// maxCookie is the length of the longest value that the gateway sets, in bytes.
	// Browsers keep 4,096 bytes of name, value and attributes.
	maxCookie = 3900
	// maxCookies is the largest size of the cookies in a request, in bytes. Programs in
	// carrels commonly refuse 16 KiB of headers.
	maxCookies = 12 << 10
	// maxUpstreamCookie and maxUpstreamCookies bound the size and number of the cookies
	// that one answer of a carrel sets. Browsers drop cookies at 180 of a site.
	maxUpstreamCookie  = 4096
	maxUpstreamCookies = 40
)

// ours reports whether a cookie's name is reserved for the gateway. Browsers compare
// the prefix without regard to case.
func ours(name string) bool {
	return len(name) >= len(cookiePrefix) && strings.EqualFold(name[:len(cookiePrefix)], cookiePrefix)
}

// setCookie sets a cookie of the gateway; an empty value deletes it. The cookie ends with
// the browser session, and its encrypted content holds the time at which it expires.
func setCookie(w http.ResponseWriter, name, value string) { http.SetCookie(w, newCookie(name, value)) }

func newCookie(name, value string) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// ForgetHere deletes the login cookie of a carrel's origin, so that the next request is
// sent to the desk to log in.
func ForgetHere(w http.ResponseWriter) { setCookie(w, carrelCookie, "") }

// cookie returns the value of a cookie; "" if there is none, or more than one of the
// name, since it is not known which of them the gateway set.
func cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// StripCookies removes the gateway's cookies from a request, so that the program that
// answers it can't read them. It leaves the others byte for byte.
func StripCookies(r *http.Request) {
	var kept []string
	for _, line := range r.Header.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if pair = strings.TrimSpace(pair); pair != "" && !ours(strings.TrimSpace(name)) {
				kept = append(kept, pair)
			}
		}
	}
	r.Header.Del("Cookie")
	if len(kept) > 0 {
		r.Header.Set("Cookie", strings.Join(kept, "; "))
	}
}

// CleanResponse keeps an answer of a carrel from affecting other origins. It removes
//   - Domain from each Set-Cookie,
//   - cookies with the gateway's names, and cookies without a name, whose value a browser
//     would send as a name,
//   - cookies that are too large or too many,
//   - Clear-Site-Data, which would delete the cookies of all carrels,
//   - headers that a proxy in front obeys (X-Accel-*, X-Sendfile), and those with which
//     one carrel decides for its whole domain (Strict-Transport-Security, Alt-Svc).
//
// It is also called for the trailers of an answer.
func CleanResponse(h http.Header) {
	for name := range h {
		if isForProxies(name) {
			delete(h, name)
		}
	}
	lines := h.Values("Set-Cookie")
	h.Del("Set-Cookie")
	for _, line := range lines {
		if clean, ok := cleanSetCookie(line); ok && len(h.Values("Set-Cookie")) < maxUpstreamCookies {
			h.Add("Set-Cookie", clean)
		}
	}
}

// isForProxies reports whether a header in an answer of a carrel is removed.
func isForProxies(name string) bool {
	switch name {
	case "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "X-Sendfile", "X-Lighttpd-Send-File", "Public-Key-Pins":
		return true
	}
	return strings.HasPrefix(name, "X-Accel-")
}

func cleanSetCookie(line string) (string, bool) {
	parts := strings.Split(line, ";")
	name, _, named := strings.Cut(parts[0], "=")
	name = strings.TrimSpace(name)
	if !named || name == "" || ours(name) || len(line) > maxUpstreamCookie {
		return "", false
	}
	kept := parts[:1]
	for _, attribute := range parts[1:] {
		key, _, _ := strings.Cut(attribute, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "domain") {
			kept = append(kept, attribute)
		}
	}
	return strings.Join(kept, ";"), true
}

// overflows answers a request with too many cookies, and deletes them. Otherwise it returns
// false.
func (d *Desk) overflows(w http.ResponseWriter, r *http.Request) bool {
	if !overflowing(r) {
		return false
	}
	w.Header().Set("Clear-Site-Data", `"cookies"`)
	d.show(w, r, pageCookies)
	return true
}

// DeleteCookies answers a request whose headers are too large, and deletes its cookies. It
// returns false if the cookies are not the cause.
func (d *Desk) DeleteCookies(w http.ResponseWriter, r *http.Request) bool {
	return d.latest().overflows(w, r)
}

// overflowing reports whether a request has more cookies than programs in carrels
// accept. The page of another carrel can set them for the whole domain by script.
func overflowing(r *http.Request) bool {
	size := 0
	for _, line := range r.Header.Values("Cookie") {
		size += len(line)
	}
	return size > maxCookies
}
