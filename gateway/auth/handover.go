package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

// HandoverPath is the path on a carrel's host that receives the token of the desk.
const HandoverPath = "/.carrel/handover"

// NoticePath is the path on a carrel's host that the script of an open page asks by
// itself. A question there keeps no login from going idle.
const NoticePath = "/.carrel/notice"

const (
	// handoverWithin bounds how long a token is valid: it takes one redirect.
	handoverWithin = 30 * time.Second
	// nonceWithin bounds how long a person may take to log in on the way.
	nonceWithin = 30 * time.Minute
)

// hostName matches a host with or without a port. Nothing that it matches can turn into
// another host in an address.
var hostName = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?$`)

// nonce is the content of the cookie that a carrel's origin sets before it redirects to
// the desk. Only the browser with this cookie can use the token.
type nonce struct {
	Secret string `json:"s"`
	Until  int64  `json:"u"`
	// From is the path that the person went to without a page of another origin; empty if
	// such a page led there.
	From string `json:"f,omitempty"`
}

// comeBack is the content of the cookie of a browser that comes back from the desk to the
// path that its person went to. The browser's own headers do not report then whether a page
// of another origin led there.
type comeBack struct {
	Path  string `json:"p"`
	Until int64  `json:"u"`
}

// handover is the content of the token: an identity for one host and one browser.
type handover struct {
	Session session `json:"s"`
	Binding string  `json:"b"`
	Return  string  `json:"r"`
	Until   int64   `json:"u"`
}

// RequireCarrelLogin calls next for visitors who are logged in, with their Identity in
// the context. It does not check whether they may open this carrel. The cookie of the
// desk is never sent to the host of a carrel. Each such origin has a cookie of its own,
// which it gets by redirecting the browser to the desk and back. The gateway's cookies
// and all identity headers are removed before next is called.
func (d *Desk) RequireCarrelLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := d.latest()
		if d.overflows(w, r) {
			return
		}
		id, proxied, err := d.proxy.take(r)
		switch {
		case err != nil:
			d.fail(w, r, err, pageRefused)
		case !d.isCarrel(host(r)):
			d.show(w, r, pageMisdirected)
		case proxied:
			d.serveCarrel(next, w, r.WithContext(NewContext(r.Context(), id)))
		case r.URL.Path == HandoverPath:
			d.receive(w, r)
		default:
			d.requireCarrelCookie(next, w, r)
		}
	})
}

func (d *Desk) requireCarrelCookie(next http.Handler, w http.ResponseWriter, r *http.Request) {
	s, ok := d.readSession(r, forCarrel, carrelCookie)
	switch {
	case ok && (!d.isDue(s) || !isPage(r)):
		d.touch(w, r, forCarrel, carrelCookie, s)
		d.serveCarrel(next, w, r.WithContext(d.withLogin(r.Context(), s)))
	case len(d.order) == 0 || !navigates(r):
		d.unauthorized(w, r)
	default:
		d.redirectToDesk(w, r)
	}
}

type backKey struct{}

// CameBack reports whether the path of a request was vouched for: the visitor has just come
// back from the login to the path that they went to by themselves, or the carrel
// redirects them there.
func CameBack(ctx context.Context) bool { return ctx.Value(backKey{}) != nil }

// Vouch sets a cookie by which the next request for a path, with its query, is one that
// CameBack reports.
func (d *Desk) Vouch(h http.Header, host, path string) {
	d = d.latest()
	sealed, err := d.keys.seal(forBack, canonical(host), comeBack{path, d.now().Add(handoverWithin).Unix()})
	if err == nil && len(sealed) <= maxCookie {
		h.Add("Set-Cookie", newCookie(backCookie, sealed).String())
	}
}

// cameBack returns the request as CameBack reports it. It deletes the cookie that says so.
func (d *Desk) cameBack(w http.ResponseWriter, r *http.Request) *http.Request {
	sealed := cookie(r, backCookie)
	if sealed == "" || !navigates(r) {
		return r
	}
	setCookie(w, backCookie, "")
	var b comeBack
	if d.keys.open(forBack, host(r), sealed, &b) != nil || b.Until <= d.now().Unix() || b.Path != r.URL.RequestURI() {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), backKey{}, true))
}

func (d *Desk) serveCarrel(next http.Handler, w http.ResponseWriter, r *http.Request) {
	r = d.cameBack(w, r)
	StripCookies(r)
	next.ServeHTTP(w, r)
}

// redirectToDesk sends the browser to the desk for a token. Tabs that are sent at the
// same time share a nonce.
func (d *Desk) redirectToDesk(w http.ResponseWriter, r *http.Request) {
	n, ok := d.nonce(r)
	if !ok {
		n = nonce{Secret: rand.Text()}
	}
	n.Until, n.From = d.now().Add(nonceWithin).Unix(), ""
	if site := r.Header.Get("Sec-Fetch-Site"); site == "none" || site == "same-origin" {
		n.From = localPath(r.URL.RequestURI())
	}
	sealed, err := d.keys.seal(forNonce, host(r), n)
	if err != nil {
		d.fail(w, r, err, pageFailed)
		return
	}
	setCookie(w, nonceCookie, sealed)
	query := url.Values{"host": {host(r)}, "nonce": {digest("handover", n.Secret)}, "return": {localPath(r.URL.RequestURI())}}
	w.Header().Set("Referrer-Policy", "no-referrer")
	redirect(w, d.url.String()+"/handover?"+query.Encode())
}

// nonce returns the nonce in the cookie; false if there is none that is still valid.
func (d *Desk) nonce(r *http.Request) (nonce, bool) {
	var n nonce
	err := d.keys.open(forNonce, host(r), cookie(r, nonceCookie), &n)
	return n, err == nil && n.Until > d.now().Unix()
}

// handOver redirects the browser back with a token, if it came from the host of a carrel.
// It serves the desk; receive is its counterpart on the host of the carrel.
func (d *Desk) handOver(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	there := query.Get("host")
	if !hostName.MatchString(there) || !d.isCarrel(there) || canonical(there) != there || query.Get("nonce") == "" {
		d.show(w, r, pageUnknownHost)
		return
	}
	id, _ := FromContext(r.Context())
	s := d.newSession(id)
	if login, _ := r.Context().Value(sessionKey{}).(*loginState); login != nil {
		s = login.session
		s.Seen = d.now().Unix()
	}
	token, err := d.keys.seal(forHandover, there, handover{
		Session: s, Binding: query.Get("nonce"), Return: localPath(query.Get("return")), Until: d.now().Add(handoverWithin).Unix(),
	})
	if err != nil {
		d.fail(w, r, err, pageFailed)
		return
	}
	redirect(w, "https://"+there+HandoverPath+"?"+url.Values{"token": {token}}.Encode())
}

// receive exchanges a token for the cookie of the carrel's origin. It deletes the nonce,
// so that the token can't be used again.
func (d *Desk) receive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	var h handover
	if !navigates(r) {
		d.unauthorized(w, r)
		return
	}
	if err := d.keys.open(forHandover, host(r), r.URL.Query().Get("token"), &h); err != nil {
		d.fail(w, r, err, pageStale)
		return
	}
	if s, ok := d.readSession(r, forCarrel, carrelCookie); ok && !d.isDue(s) { // another tab was faster
		redirect(w, localPath(h.Return))
		return
	}
	if err := d.checkHandover(r, h); err != nil {
		d.fail(w, r, err, pageStale)
		return
	}
	h.Session.Checked = d.now().Unix()
	if h.Session.Refused != 0 {
		h.Session.Checked = d.now().Add(retryAfter - d.sessions.RefreshAfter.Duration).Unix()
	}
	if err := d.writeSession(w, r, forCarrel, carrelCookie, h.Session); err != nil {
		d.fail(w, r, err, pageFailed)
		return
	}
	setCookie(w, nonceCookie, "")
	if n, _ := d.nonce(r); n.From != "" && n.From == localPath(h.Return) {
		d.Vouch(w.Header(), host(r), n.From)
	}
	log.FromContext(r.Context()).V(1).Info("handed over", "user", h.Session.User, "host", host(r))
	redirect(w, localPath(h.Return))
}

// checkHandover returns an error if a token is too old, of another browser, used before,
// or of a login that has ended.
func (d *Desk) checkHandover(r *http.Request, h handover) error {
	n, ok := d.nonce(r)
	switch {
	case h.Until <= d.now().Unix():
		return errors.New("the hand-over came too late")
	case !ok || subtle.ConstantTimeCompare([]byte(digest("handover", n.Secret)), []byte(h.Binding)) != 1:
		return errors.New("the hand-over is of another browser, or was used before")
	case !d.live(h.Session):
		return errors.New("the login that was handed over is over")
	}
	return nil
}
