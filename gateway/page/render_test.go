package page

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var testSet = MustParse(fstest.MapFS{"templates/x.html": {Data: []byte(`{{define "x"}}{{template "top" .}}<p>{{.Data}}</p>{{template "bottom" .}}{{end}}`)}})

func TestShow(t *testing.T) {
	rw := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/a?b=c", nil)
	testSet.Show(rw, r, Page{Status: 503, Template: "x", Title: "T<", RefreshAfter: 5, Data: `<script>alert(1)</script>`, Times: Times{Now: time.Now()}})
	body := rw.Body.String()
	if rw.Code != 503 {
		t.Errorf("status %d, want 503", rw.Code)
	}
	for _, want := range []string{`<html lang="en"`, "<title>T&lt; · Carrel</title>", `<noscript><meta http-equiv="refresh" content="5"></noscript>`,
		"&lt;script&gt;alert(1)", `href="/a?b=c&amp;lang=ja"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %s:\n%s", want, body)
		}
	}
	for header, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Language": "en", "Content-Encoding": ""} {
		if got := rw.Header().Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if policy := rw.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
}

// The policy forbids inline scripts and styles, so they would not work.
func TestLayoutHasNothingInline(t *testing.T) {
	rw := httptest.NewRecorder()
	testSet.Show(rw, httptest.NewRequest(http.MethodGet, "/", nil), Page{Template: "x", User: "kai", Home: "/", Data: ""})
	for name, pattern := range map[string]string{"script": `<script(?: defer)?>`, "style": `<style|style="`, "handler": ` on[a-z]+="`} {
		if found := regexp.MustCompile(pattern).FindString(rw.Body.String()); found != "" {
			t.Errorf("an inline %s: %s", name, found)
		}
	}
}

func TestAssetsAreKeptForGood(t *testing.T) {
	for name, there := range urls {
		rw := httptest.NewRecorder()
		Assets().ServeHTTP(rw, httptest.NewRequest(http.MethodGet, there, nil))
		if !regexp.MustCompile(`^/\.carrel/assets/[a-z]+\.[0-9a-f]{12}\.[a-z]+$`).MatchString(there) || !IsAsset(there) {
			t.Errorf("%s is at %s", name, there)
		}
		if rw.Code != 200 || rw.Body.Len() == 0 || !strings.Contains(rw.Header().Get("Cache-Control"), "immutable") || rw.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d, %v, %d bytes", name, rw.Code, rw.Header(), rw.Body.Len())
		}
	}
	rw := httptest.NewRecorder()
	Assets().ServeHTTP(rw, httptest.NewRequest(http.MethodGet, "/.carrel/assets/carrel.000000000000.css", nil))
	if rw.Code != http.StatusNotFound {
		t.Errorf("an asset of another version: %d, want 404", rw.Code)
	}
}

func TestProblem(t *testing.T) {
	for _, test := range []struct {
		name, method, accept, upgrade, mode string
		html                                bool
	}{
		{"a browser", "GET", "text/html,*/*", "", "navigate", true},
		{"an old browser", "GET", "text/html,*/*", "", "", true},
		{"a program", "GET", "*/*", "", "", false},
		{"a script of a page", "GET", "text/html", "", "cors", false},
		{"a form", "POST", "text/html", "", "navigate", false},
		{"a WebSocket", "GET", "text/html", "websocket", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			rw, r := httptest.NewRecorder(), httptest.NewRequest(test.method, "/", nil)
			for header, value := range map[string]string{"Accept": test.accept, "Upgrade": test.upgrade, "Sec-Fetch-Mode": test.mode} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			Problem(rw, r, http.StatusForbidden, "forbidden")
			if html := strings.HasPrefix(rw.Header().Get("Content-Type"), "text/html"); html != test.html || rw.Code != 403 {
				t.Errorf("%d %s, want a page: %v", rw.Code, rw.Header().Get("Content-Type"), test.html)
			}
			if want := map[bool]string{true: "<h1>This is not yours to open</h1>", false: `{"message":"You are logged in`}[test.html]; !strings.Contains(rw.Body.String(), want) {
				t.Errorf("it does not say %q: %s", want, rw.Body.String())
			}
		})
	}
}

func TestLongPagesAreCompressed(t *testing.T) {
	text := strings.Repeat("a seat ", compressFrom)
	for _, accept := range []string{"", "gzip, br"} {
		rw, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", accept)
		testSet.Show(rw, r, Page{Template: "x", Data: text})
		length, body := rw.Body.Len(), io.Reader(rw.Body)
		if rw.Header().Get("Content-Length") != strconv.Itoa(length) {
			t.Errorf("%q: Content-Length %s of %d bytes", accept, rw.Header().Get("Content-Length"), length)
		}
		if accept != "" {
			unpacked, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = unpacked
		}
		got, err := io.ReadAll(body)
		if err != nil || !strings.Contains(string(got), text) || (length < len(text)/10) != (accept != "") {
			t.Errorf("%q: %d bytes, %d unpacked, %v", accept, length, len(got), err)
		}
	}
}
