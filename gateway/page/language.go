package page

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

const (
	// languageParameter of a URL chooses a language.
	languageParameter = "lang"
	// guestParameter does so on a carrel's host, where lang may be the carrel's own.
	guestParameter = "carrel-lang"
	// languageCookie remembers the choice, on the gateway's own host only.
	languageCookie = "__Host-carrel-lang"
	// rememberFor is how long, in seconds: a year.
	rememberFor = 365 * 24 * 60 * 60
)

var matcher = language.NewMatcher([]language.Tag{language.English, language.Japanese})

// LanguageOf is the language to answer a request in: as the URL says, else as was
// chosen before, else as the browser asks for.
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

// RememberLanguage remembers the language a URL chooses, and sends the browser on
// to the same page without saying so. It is for the gateway's own host: on a
// carrel's, cookies and parameters are the carrel's.
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

// localURL is one on the same host, whatever the path: two slashes at its
// beginning, or a backslash that browsers take for one, would name another.
func localURL(path string, query url.Values) string {
	there := url.URL{Path: "/" + strings.TrimLeft(path, `/\`), RawQuery: query.Encode()}
	return there.String()
}

// inLanguage is the URL of the same page in another language.
func inLanguage(r *http.Request, lang Lang, parameter string) string {
	query := r.URL.Query()
	query.Set(parameter, string(lang))
	return localURL(r.URL.Path, query)
}
