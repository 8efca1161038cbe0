package auth

import (
	"net/http"
	"strings"
)

// Names of our cookies. All begin with cookiePrefix, which nobody else's may.
const (
	cookiePrefix  = "__Host-carrel"
	sessionCookie = cookiePrefix + "-desk"
	refreshCookie = cookiePrefix + "-refresh"
	loginCookie   = cookiePrefix + "-login"
	nonceCookie   = cookiePrefix + "-nonce"
	carrelCookie  = cookiePrefix + "-here"
)

const (
	// maxCookie is the longest value we set: browsers keep 4,096 bytes of name,
	// value and attributes.
	maxCookie = 3900
	// maxCookies is how much of cookies a request may carry. Programs in carrels
	// commonly refuse 16 KiB of headers.
	maxCookies = 12 << 10
	// maxUpstreamCookie and maxUpstreamCookies hold what one answer of a carrel
	// sets: browsers begin to drop cookies at 180 of a site.
	maxUpstreamCookie  = 4096
	maxUpstreamCookies = 40
)

// ours tells whether a cookie's name is one only we may set. Browsers compare the
// prefix without regard to case.
func ours(name string) bool {
	return len(name) >= len(cookiePrefix) && strings.EqualFold(name[:len(cookiePrefix)], cookiePrefix)
}

// setCookie sets a cookie of ours; an empty value deletes it. All of them end with
// the browser, and what is sealed inside says until when it is good.
func setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// ForgetHere deletes the cookie of a carrel's origin, so that the desk is asked anew
// who somebody is.
func ForgetHere(w http.ResponseWriter) { setCookie(w, carrelCookie, "") }

// cookie is the value of a cookie of ours; of two with one name neither is
// believed.
func cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// StripCookies takes our cookies out of a request, so that whoever answers it can't
// read them. The others keep their exact wording.
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

// CleanResponse keeps an answer of a carrel from reaching beyond its own origin: it
// drops Domain from each Set-Cookie, cookies of our names or of none (whose value a
// browser would send as a name), those too large or too many, and Clear-Site-Data,
// which would delete the cookies of all carrels. It is for
// httputil.ReverseProxy.ModifyResponse.
func CleanResponse(h http.Header) {
	h.Del("Clear-Site-Data")
	lines := h.Values("Set-Cookie")
	h.Del("Set-Cookie")
	for _, line := range lines {
		if clean, ok := cleanSetCookie(line); ok && len(h.Values("Set-Cookie")) < maxUpstreamCookies {
			h.Add("Set-Cookie", clean)
		}
	}
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

// overflowing tells whether a request carries more cookies than fit, as when the
// page of a neighbour set them for the whole domain by script.
func overflowing(r *http.Request) bool {
	size := 0
	for _, line := range r.Header.Values("Cookie") {
		size += len(line)
	}
	return size > maxCookies
}
