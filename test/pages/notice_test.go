//go:build e2e

package pages

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/test/chromium"
)

// A page of a carrel shows what the gateway has to say: over a program with a strict
// policy, on a phone's width, in both languages. Its buttons stay, load and close.
func TestNoticeOnACarrelsPage(t *testing.T) {
	browser := chromium.Start(t)
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			var stayed, refused atomic.Bool
			lang := page.Lang(l.lang)
			mux := http.NewServeMux()
			mux.Handle("/.carrel/assets/", page.Assets())
			mux.HandleFunc("GET /.carrel/notice", func(rw http.ResponseWriter, _ *http.Request) {
				if refused.Load() {
					rw.WriteHeader(http.StatusUnauthorized)
					return
				}
				_ = json.NewEncoder(rw).Encode(map[string]any{
					"text": lang.Text("notice.idle", "clock", "10:35"), "stay": lang.Text("notice.stay"), "over": lang.Text("notice.over"),
					"load": "", "close": lang.Text("layout.close"), "again": 1,
				})
			})
			mux.HandleFunc("POST /.carrel/notice", func(rw http.ResponseWriter, _ *http.Request) {
				stayed.Store(true)
				rw.WriteHeader(http.StatusNoContent)
			})
			mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; require-trusted-types-for 'script'")
				_, _ = rw.Write([]byte("<!DOCTYPE html><html lang=en><meta name=viewport content=\"width=device-width\"><title>editor</title><main><h1>An editor</h1><p>main.c</p></main></html>" +
					`<script src="` + page.AssetURL("notice.js") + `" async></script>`))
			})
			p := open(t, browser, l, serve(t, mux))
			notice := chromium.Find(t, p, "carrel-notice")
			chromium.Keep(t, p, "notice-"+l.name)
			root := notice.MustShadowRoot()
			box := root.MustElement("section").MustShape().Box()
			if box.X < 0 || box.X+box.Width > float64(l.width) || box.Y+box.Height > float64(l.height) {
				t.Errorf("the notice is at %+v, outside of %d x %d", box, l.width, l.height)
			}
			root.MustElement("button").MustClick()
			chromium.Becomes(t, p, "the notice is gone", `!document.querySelector("carrel-notice")`)
			if !stayed.Load() {
				t.Error("the button told the gateway nothing")
			}
			refused.Store(true)
			chromium.Find(t, p, "carrel-notice")
			chromium.Keep(t, p, "notice-over-"+l.name)
		})
	}
}
