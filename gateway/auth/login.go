package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/limit"
)

// loginWithin bounds how long a person may take at the provider.
const loginWithin = 10 * time.Minute

// attempt is the content of a login cookie: the secret from which the state, the nonce
// and the PKCE verifier of a login are derived. Tabs that log in at the same time share
// it.
type attempt struct {
	Secret string `json:"s"`
	Until  int64  `json:"u"`
}

// state is passed through the provider, sealed. It is valid only in the browser with the
// attempt that it is bound to, so that nobody can log another person in as themselves.
type state struct {
	Binding  string `json:"b"`
	Provider string `json:"p"`
	Return   string `json:"r"`
	Until    int64  `json:"u"`
}

// login shows the page with the providers, or redirects to the only one.
func (d *Desk) login(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	back, name := localPath(query.Get("return")), query.Get("provider")
	if _, loggedIn := d.readSession(r, forSession, sessionCookie); loggedIn && name == "" {
		redirect(w, back)
		return
	}
	if name == "" && len(d.order) == 1 && !query.Has("ended") {
		name = d.order[0].config.Name
	}
	if name == "" {
		d.chooseProvider(w, r, back, query.Has("ended"))
		return
	}
	p := d.providers[name]
	if p == nil {
		d.show(w, r, pageUnknownProvider)
		return
	}
	a, ok := d.attempt(r)
	switch {
	case !ok:
		// A browser without a login under way can't be told from others. It costs no
		// more than a cookie.
		a = attempt{Secret: rand.Text()}
	case !d.logins.begins.Allow(a.Secret, d.now()):
		d.tooOften(w, r, "")
		return
	}
	d.begin(w, r, p, a, back)
}

func (d *Desk) chooseProvider(w http.ResponseWriter, r *http.Request, back string, ended bool) {
	page := pageChoose
	if ended {
		page = pageEnded
	}
	if len(d.order) == 0 {
		page = pageNoSession
	}
	p := page.localized(r)
	for _, known := range d.order {
		query := url.Values{"provider": {known.config.Name}, "return": {back}}
		p.Choices = append(p.Choices, Choice{Text: known.config.Title, URL: "/login?" + query.Encode()})
	}
	d.render(w, r, p)
}

func (d *Desk) begin(w http.ResponseWriter, r *http.Request, p *knownProvider, a attempt, back string) {
	until := d.now().Add(loginWithin).Unix()
	a.Until = until
	sealedState, err := d.keys.seal(forState, d.host, state{digest("state", a.Secret), p.config.Name, back, until})
	if err != nil {
		d.fail(w, r, err, pageFailed)
		return
	}
	sealed, err := d.keys.seal(forLogin, d.host, a)
	if err != nil {
		d.fail(w, r, err, pageFailed)
		return
	}
	there, err := p.begin(r.Context(), d.flow(a, sealedState, p))
	if err != nil {
		d.fail(w, r, err, pageProviderAway)
		return
	}
	setCookie(w, loginCookie, sealed)
	redirect(w, there)
}

func (d *Desk) attempt(r *http.Request) (attempt, bool) {
	var a attempt
	err := d.keys.open(forLogin, d.host, cookie(r, loginCookie), &a)
	return a, err == nil && a.Until > d.now().Unix()
}

func (d *Desk) flow(a attempt, sealed string, p *knownProvider) flow {
	return flow{
		state: sealed, nonce: digest("nonce", a.Secret), verifier: digest("verifier", a.Secret),
		callback: d.url.String() + "/callback/" + p.config.Name,
	}
}

// callback serves the address to which the provider sends the browser back. It first
// checks that the login was begun here, by this browser. Only then does it count.
func (d *Desk) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	p := d.providers[r.PathValue("provider")]
	if p == nil {
		d.show(w, r, pageUnknownProvider)
		return
	}
	var s state
	if d.keys.open(forState, d.host, query.Get("state"), &s) != nil || s.Provider != p.config.Name || s.Until <= d.now().Unix() {
		d.failed(w, r, errors.New("the state is not of this login, or too old"), pageStale)
		return
	}
	a, ok := d.attempt(r)
	if !ok || subtle.ConstantTimeCompare([]byte(digest("state", a.Secret)), []byte(s.Binding)) != 1 {
		// Another tab of this browser may have been faster.
		if _, loggedIn := d.readSession(r, forSession, sessionCookie); loggedIn {
			redirect(w, localPath(s.Return))
			return
		}
		d.failed(w, r, errors.New("the login was begun in another browser"), pageStale)
		return
	}
	if !d.logins.returns.Allow(a.Secret, d.now()) {
		d.tooOften(w, r, "")
		return
	}
	if query.Get("error") != "" || query.Get("code") == "" {
		d.fail(w, r, errors.New("the provider answered: "+query.Get("error")+" "+query.Get("error_description")), pageDenied)
		return
	}
	d.finish(w, r, p, a, s, query.Get("code"))
}

// finish asks the provider who logged in, and starts a session. No part of the session
// exists before the login, so there is nothing that an attacker can fix.
func (d *Desk) finish(w http.ResponseWriter, r *http.Request, p *knownProvider, a attempt, s state, code string) {
	id, refresh, err := d.exchange(r, p, a, code)
	if err != nil {
		d.failed(w, r, err, pageFailed)
		return
	}
	if err := d.writeSession(w, r, forSession, sessionCookie, d.newSession(id)); err != nil {
		d.fail(w, r, err, pageFailed)
		return
	}
	d.writeRefresh(w, r, id.User, refresh)
	if refresh == "" {
		logger := log.FromContext(r.Context())
		p.silent.Do(func() {
			logger.Info("the provider gives no refresh token, so logins are not checked again after sessions.refreshAfter: add the scope it wants, often offline_access, to oidc.scopes",
				"provider", id.Provider)
		})
	}
	setCookie(w, loginCookie, "")
	log.FromContext(r.Context()).Info("logged in", "user", id.User, "provider", id.Provider)
	redirect(w, localPath(s.Return))
}

// exchange asks the provider who logged in, when it is the request's turn among those of
// its address.
func (d *Desk) exchange(r *http.Request, p *knownProvider, a attempt, code string) (Identity, string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), providerTimeout)
	defer cancel()
	end, ok := d.logins.turns.take(ctx, limit.Network(d.address(r)))
	if !ok {
		return Identity{}, "", errors.New("too many logins of this address are checked at the provider")
	}
	defer end()
	id, refresh, err := p.finish(ctx, d.flow(a, "", p), code)
	if err == nil {
		id, err = p.config.vouched(id, d.prefixes)
	}
	return id, refresh, err
}
