// Package page provides what all pages of the gateway share: layout, style sheet, script,
// the texts in each language, and the formats of times.
package page

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

//go:embed templates
var layoutFiles embed.FS

// policy allows a page to load style, script and pictures from its own origin, and nothing
// else, so that no text of a roster or a carrel can run as a script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Set holds the templates of one part of the gateway, in each language.
type Set struct {
	byLanguage map[Lang]*template.Template
}

// MustParse reads templates/*.html of a part of the gateway. A page is a template that
// begins with {{template "top" .}} and ends with {{template "bottom" .}}. In addition to
// the built-in functions there are t (Lang.Text), n (Lang.Count), has (Lang.Has), int, and
// asset, which returns the URL of an asset. MustParse panics if a template can't be
// parsed.
func MustParse(files fs.FS) *Set {
	set := &Set{byLanguage: map[Lang]*template.Template{}}
	for _, lang := range Languages {
		parsed := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
			"t": lang.Text, "n": lang.Count, "has": lang.Has, "asset": assetURL,
			"int": func(n int32) int { return int(n) },
		})
		parsed = template.Must(parsed.ParseFS(layoutFiles, "templates/*.html"))
		set.byLanguage[lang] = template.Must(parsed.ParseFS(files, "templates/*.html"))
	}
	return set
}

func assetURL(name string) (string, error) {
	there, found := urls[name]
	if !found {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return there, nil
}

// Page is a page to show.
type Page struct {
	// Status is the HTTP status; 0 means 200.
	Status int
	// Template is the name of the page's template.
	Template string
	// Title is the page's title in the browser, where the name of the site follows it.
	Title string
	// Class is the class of the page's body in the style sheet.
	Class string
	// RefreshAfter is the number of seconds after which a browser without script reloads
	// the page; 0 means never.
	RefreshAfter int
	// Guest is set on the host of a carrel, whose other URLs belong to the carrel.
	Guest bool
	// User is the name of the visitor to show; may be empty.
	User string
	// Home is the link of the site's name; empty for no link.
	Home string
	// Times formats times. Show sets its language.
	Times Times
	// Data is the data of the page's template.
	Data any
}

// view is the data of the layout.
type view struct {
	Page
	Lang  Lang
	Links []languageLink
}

type languageLink struct {
	Lang    Lang
	Name    string
	URL     string
	Current bool
}

// Show answers a request with a page.
func (s *Set) Show(rw http.ResponseWriter, r *http.Request, p Page) {
	lang := LanguageOf(r)
	p.Times.Lang = lang
	v := view{Page: p, Lang: lang}
	parameter := languageParameter
	if p.Guest {
		parameter = guestParameter
	}
	for _, other := range Languages {
		v.Links = append(v.Links, languageLink{other, other.Text("language"), inLanguage(r, other, parameter), other == lang})
	}
	var body bytes.Buffer
	if err := s.byLanguage[lang].ExecuteTemplate(&body, p.Template, v); err != nil {
		log.FromContext(r.Context()).Error(err, "make a page", "template", p.Template)
		http.Error(rw, "this page could not be made: tell whoever looks after Carrel", http.StatusInternalServerError)
		return
	}
	header := rw.Header()
	secure(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", string(lang))
	header.Add("Vary", "Accept-Language")
	header.Add("Vary", "Accept-Encoding")
	if body.Len() > compressFrom && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = compressed(body)
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	rw.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = body.WriteTo(rw) // fails only if the visitor has left
	}
}

// compressFrom is the least size of a page that is compressed, in bytes. A class board is
// larger. Pages with the token of a form are smaller, and must not be compressed, since
// the length could reveal the token.
const compressFrom = 32 << 10

func compressed(body bytes.Buffer) bytes.Buffer {
	var small bytes.Buffer
	// Writes to a Buffer never fail.
	writer, _ := gzip.NewWriterLevel(&small, gzip.BestSpeed)
	_, _ = body.WriteTo(writer)
	_ = writer.Close()
	return small
}

// secure sets the security headers of answers that are for one person.
func secure(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// Part writes a template that is a part of a page, for a script to put into the page.
func (s *Set) Part(w io.Writer, lang Lang, name string, data any) error {
	if err := s.byLanguage[lang].ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("make the part %q of a page: %w", name, err)
	}
	return nil
}
