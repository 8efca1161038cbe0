package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLanguageOf(t *testing.T) {
	for _, test := range []struct {
		name, url, cookie, accept string
		want                      Lang
	}{
		{name: "nothing is asked for", want: English},
		{name: "Japanese before English", accept: "ja-JP,ja;q=0.9,en;q=0.8", want: Japanese},
		{name: "English before Japanese", accept: "en-GB,ja;q=0.9", want: English},
		{name: "German, then Japanese", accept: "de,ja;q=0.5", want: Japanese},
		{name: "only German", accept: "de", want: English},
		{name: "not a list", accept: "!!!", want: English},
		{name: "chosen before", cookie: "ja", accept: "en", want: Japanese},
		{name: "chosen now", url: "?lang=en", cookie: "ja", accept: "ja", want: English},
		{name: "chosen on a carrel's host", url: "?carrel-lang=ja&lang=en", accept: "en", want: Japanese},
		{name: "a language there is not", url: "?lang=tlh", cookie: "xx", accept: "ja", want: Japanese},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/"+test.url, nil)
			r.Header.Set("Accept-Language", test.accept)
			if test.cookie != "" {
				r.AddCookie(&http.Cookie{Name: languageCookie, Value: test.cookie})
			}
			if got := LanguageOf(r); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestRememberLanguage(t *testing.T) {
	passed := 0
	handler := RememberLanguage(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }))
	ask := func(method, target string) *http.Response {
		rw := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		handler.ServeHTTP(rw, r)
		return rw.Result()
	}
	for target, want := range map[string]string{
		"/courses/prog1?lang=ja&show=Failing": "/courses/prog1?show=Failing",
		"//evil.example/?lang=ja":             "/evil.example/",
		`/\evil.example?lang=ja`:              "/evil.example",
	} {
		answer := ask(http.MethodGet, target)
		cookie := answer.Header.Get("Set-Cookie")
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want it sent on to %q", target, answer.StatusCode, answer.Header.Get("Location"), want)
		}
		if !strings.HasPrefix(cookie, "__Host-carrel-lang=ja; Path=/;") || !strings.Contains(cookie, "Secure") {
			t.Errorf("%s: sets %q", target, cookie)
		}
	}
	ask(http.MethodPost, "/x?lang=ja")
	ask(http.MethodGet, "/x")
	if passed != 2 {
		t.Errorf("%d requests that choose no language were passed on, want 2", passed)
	}
}
