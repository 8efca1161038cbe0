package page

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

const (
	// languageParameter is the query parameter that chooses a language.
	languageParameter = "lang"
	// guestParameter replaces it on the hosts of carrels, where the program in the carrel
	// may use lang itself.
	guestParameter = "carrel-lang"
	// languageCookie stores the choice, on the gateway's own host only.
	languageCookie = "__Host-carrel-lang"
	// rememberFor is the life of the cookie in seconds: a year.
	rememberFor = 365 * 24 * 60 * 60
)

var matcher = language.NewMatcher([]language.Tag{language.English, language.Japanese})

// LanguageOf returns the language in which to answer a request: that of the URL's
// parameter, else that of the cookie, else the one that the browser prefers.
func LanguageOf(r *http.Request) Lang {
	query := r.URL.Query()
	for _, parameter := range []string{guestParameter, languageParameter} {
		if lang, ok := known(query.Get(parameter)); ok {
			return lang
		}
	}
	if cookie, err := r.Cookie(languageCookie); err == nil {
		if lang, ok := known(cookie.Value); ok {
			return lang
		}
	}
	return preferred(r)
}

func known(name string) (Lang, bool) {
	for _, lang := range Languages {
		if string(lang) == name {
			return lang, true
		}
	}
	return "", false
}

func preferred(r *http.Request) Lang {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return English
	}
	_, index, _ := matcher.Match(tags...)
	return Languages[index]
}

// RememberLanguage stores the language that a URL chooses in a cookie, and redirects the
// browser to the same page without the parameter. It is for the gateway's own host; on
// the host of a carrel, cookies and parameters belong to the carrel.
func RememberLanguage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		lang, ok := known(query.Get(languageParameter))
		if !ok || r.Method != http.MethodGet {
			next.ServeHTTP(rw, r)
			return
		}
		http.SetCookie(rw, &http.Cookie{Name: languageCookie, Value: string(lang), Path: "/", MaxAge: rememberFor,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		query.Del(languageParameter)
		http.Redirect(rw, r, localURL(r.URL.Path, query), http.StatusSeeOther)
	})
}

// localURL returns a URL on the same host for any path. Two slashes at its beginning, or a
// backslash that browsers take for a slash, would otherwise name another host.
func localURL(path string, query url.Values) string {
	there := url.URL{Path: "/" + strings.TrimLeft(path, `/\`), RawQuery: query.Encode()}
	return there.String()
}

// inLanguage returns the URL of the same page in another language.
func inLanguage(r *http.Request, lang Lang, parameter string) string {
	query := r.URL.Query()
	query.Set(parameter, string(lang))
	return localURL(r.URL.Path, query)
}
