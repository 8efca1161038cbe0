package board

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

const (
	// tokenCookie holds the token. The prefix of its name keeps other hosts from setting
	// it.
	tokenCookie = "__Host-carrel-token"
	// tokenField is the field of each form that repeats the token.
	tokenField = "token"
)

// token returns the token that the forms of a page repeat, against cross-site request
// forgery: pages of other origins can't know it. It is the one in the browser's cookie,
// or a new one. The server stores nothing, so replicas share nothing.
func token(rw http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(tokenCookie); err == nil && len(cookie.Value) == base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return cookie.Value
	}
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	value := base64.RawURLEncoding.EncodeToString(random[:])
	http.SetCookie(rw, &http.Cookie{Name: tokenCookie, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return value
}

const tokenBytes = 24

// fromOurPage reports whether a page of the gateway sent a form, by the headers of the
// browser and by the token.
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
