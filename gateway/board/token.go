package board

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

const (
	// tokenCookie holds the token; its prefix keeps other hosts from setting it.
	tokenCookie = "__Host-carrel-token"
	// tokenField is the field of each form that repeats it.
	tokenField = "token"
)

// token is what the forms of a page repeat: only a page of ours can know it. It
// is the one the browser has, or a new one. Nothing is kept for it, so replicas
// need share nothing.
func token(rw http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(tokenCookie); err == nil && len(cookie.Value) == base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return cookie.Value
	}
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // it never fails
	value := base64.RawURLEncoding.EncodeToString(random[:])
	http.SetCookie(rw, &http.Cookie{Name: tokenCookie, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return value
}

const tokenBytes = 24

// fromOurPage reports whether a form was sent from a page of ours: the browser
// says so, and the token is the one it has.
func fromOurPage(r *http.Request) bool {
	if http.NewCrossOriginProtection().Check(r) != nil {
		return false
	}
	cookie, err := r.Cookie(tokenCookie)
	if err != nil || cookie.Value == "" {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(r.PostFormValue(tokenField))) == 1
}
