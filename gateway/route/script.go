package route

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/carrel-dev/carrel/gateway/page"
)

// scriptTag loads the script that shows notices. It stands after the end of a page, where
// browsers take it for the last part of the body.
var scriptTag = `<script src="` + page.AssetURL("notice.js") + `" async></script>`

// takesScript reports whether a request is for a page of its own, whose answer gets the
// script. A browser says so by headers that no script can set.
func takesScript(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Header.Get("Range") == "" && page.WantsPage(r)
}

// addScript adds the script to a page of a carrel.
func addScript(res *http.Response) {
	if !isWholePage(res) {
		return
	}
	if res.ContentLength >= 0 {
		res.ContentLength += int64(len(scriptTag))
		res.Header.Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	res.Body = &extended{ReadCloser: res.Body, more: strings.NewReader(scriptTag)}
}

// isWholePage reports whether an answer is a page in HTML that can be extended: not
// compressed, signed, saved as a file, or in a charset in which ASCII has other bytes.
func isWholePage(res *http.Response) bool {
	kind := strings.ToLower(res.Header.Get("Content-Type"))
	if res.StatusCode != http.StatusOK || res.ContentLength == 0 || res.Body == nil || !strings.HasPrefix(kind, "text/html") || strings.Contains(kind, "utf-16") {
		return false
	}
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		if res.Header.Get(name) != "" {
			return false
		}
	}
	return true
}

// extended is a body with more text after its end.
type extended struct {
	io.ReadCloser
	more *strings.Reader
	over bool
}

func (e *extended) Read(p []byte) (int, error) {
	if !e.over {
		n, err := e.ReadCloser.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		e.over = true
		if n > 0 {
			return n, nil
		}
	}
	return e.more.Read(p)
}
