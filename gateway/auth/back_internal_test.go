package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// followFrom follows redirects as a browser that goes somewhere because of a site. After
// the first redirect to another site, it says that the request is of another site.
func (b *browser) followFrom(site, there string) *httptest.ResponseRecorder {
	b.Helper()
	for range 10 {
		rw := b.get(there, func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "document")
		})
		next := b.next(there, rw)
		if next == "" {
			return rw
		}
		there, site = next, "cross-site"
	}
	b.Fatalf("%s never ends", there)
	return nil
}

// Who goes to an address with a query and is sent to the desk on the way has not followed
// a link of another page. Who has followed one is not taken for that.
func TestWhoComesBackFromTheDesk(t *testing.T) {
	for site, want := range map[string]bool{"same-origin": true, "none": true, "same-site": false, "cross-site": false} {
		w := newWorld(t)
		b := w.browser()
		b.follow("alice", deskURL+"/")
		b.want(b.followFrom(site, alicesURL+"/?folder=/home"), http.StatusOK, "hello alice")
		if got := CameBack(w.seen.Context()); got != want {
			t.Errorf("%s: it came back: %v, want %v", site, got, want)
		}
		b.get(alicesURL+"/?folder=/home", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
		if CameBack(w.seen.Context()) {
			t.Errorf("%s: the cookie counts twice", site)
		}
	}
}
