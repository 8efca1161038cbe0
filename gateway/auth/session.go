package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// touchEvery is the coarsest step in which a session's last use is recorded.
	touchEvery = time.Minute
	// refreshWithin bounds how long a page waits for the provider to refresh a login.
	refreshWithin = 5 * time.Second
	// retryAfter is the time between two tries at a provider that failed.
	retryAfter = time.Minute
)

// session is the content of a session cookie. Times are in Unix seconds.
type session struct {
	Identity
	// ID names the login. A logout ends it on all hosts to which it was handed over.
	ID string `json:"i,omitempty"`
	// Begun is the time of the login, and Seen that of its last use.
	Begun int64 `json:"b"`
	Seen  int64 `json:"s"`
	// Checked is the time at which the provider last confirmed the login. In the cookie
	// of a carrel it is the time at which the desk did.
	Checked int64 `json:"k,omitempty"`
	// Refused is the time at which the provider refused to refresh the login; 0 if it
	// did not.
	Refused int64 `json:"r,omitempty"`
}

// Login holds the times at which a login is over.
type Login struct {
	// Ends is the time at which the login ends in any case. Zero means that it does not
	// end by itself, as an identity that a trusted proxy sends with each request.
	Ends time.Time
	// FreshUntil is the time until which the groups of the login are believed. A page
	// that is opened after RefreshAfter has them checked again.
	FreshUntil time.Time

	id    string
	begun int64
}

type sessionKey struct{}

// LoginFromContext returns the Login that RequireLogin or RequireCarrelLogin found.
func LoginFromContext(ctx context.Context) Login {
	l, _ := ctx.Value(sessionKey{}).(*loginState)
	if l == nil {
		return Login{}
	}
	return l.Login
}

// loginState is what handlers know of the login of a request.
type loginState struct {
	Login
	session session
}

// withLogin returns a context with the identity of a session, and its Login.
func (d *Desk) withLogin(ctx context.Context, s session) context.Context {
	ends := time.Unix(s.Begun, 0).Add(d.sessions.Absolute.Duration)
	fresh := time.Unix(s.Checked, 0).Add(2 * d.sessions.RefreshAfter.Duration)
	return context.WithValue(NewContext(ctx, s.Identity), sessionKey{}, &loginState{Login{ends, fresh, s.ID, s.Begun}, s})
}

// refreshToken is the content of a refresh cookie. It is bound to the session's user.
type refreshToken struct {
	User  string `json:"u"`
	Token string `json:"t"`
}

func (d *Desk) newSession(id Identity) session {
	now := d.now().Unix()
	return session{Identity: id, ID: rand.Text()[:loginID], Begun: max(now, d.options.Logouts.NotBefore(id.User)), Seen: now, Checked: now}
}

// loginID is the length of the name of a login, of 5 bits a character.
const loginID = 16

// live reports whether a session is neither too old, nor idle for too long, nor ended by
// its user.
func (d *Desk) live(s session) bool {
	now := d.now()
	return now.Sub(time.Unix(s.Begun, 0)) < d.sessions.Absolute.Duration && now.Sub(time.Unix(s.Seen, 0)) < d.sessions.Idle.Duration &&
		!d.options.Logouts.Ended(s.User, s.ID, s.Begun)
}

// readSession returns the session in a cookie; false if there is none that is valid on
// this host.
func (d *Desk) readSession(r *http.Request, purpose, name string) (session, bool) {
	var s session
	value := cookie(r, name)
	if value == "" || d.keys.open(purpose, host(r), value, &s) != nil || !d.live(s) {
		return session{}, false
	}
	return s, checkUser(s.User) == nil
}

var errTooLarge = errors.New("the identity does not fit in a cookie of 4 KiB: keep fewer groups or claims by oidc.keepGroups and oidc.keepClaims in the login file")

// writeSession sets a cookie with a session.
func (d *Desk) writeSession(w http.ResponseWriter, r *http.Request, purpose, name string, s session) error {
	sealed, err := d.keys.seal(purpose, host(r), s)
	if err != nil {
		return err
	}
	if len(sealed) > maxCookie {
		return errTooLarge
	}
	setCookie(w, name, sealed)
	return nil
}

// touch records in the cookie that a session is used. It does so in coarse steps, since
// each sets the cookie.
func (d *Desk) touch(w http.ResponseWriter, r *http.Request, purpose, name string, s session) {
	now := d.now()
	if r.URL.Path == NoticePath || now.Sub(time.Unix(s.Seen, 0)) < min(touchEvery, d.sessions.Idle.Duration/4) {
		return
	}
	s.Seen = now.Unix()
	if err := d.writeSession(w, r, purpose, name, s); err != nil {
		log.FromContext(r.Context()).Error(err, "keep a login from going idle", "user", s.User)
	}
}

// writeRefresh sets a cookie with a refresh token. A token that does not fit in a cookie
// is dropped. The login then lasts until it ends by itself, without being checked again.
func (d *Desk) writeRefresh(w http.ResponseWriter, r *http.Request, user, token string) {
	sealed, err := d.keys.seal(forRefresh, host(r), refreshToken{user, token})
	if token == "" || err != nil || len(sealed) > maxCookie {
		sealed = ""
	}
	if sealed != "" || cookie(r, refreshCookie) != "" {
		setCookie(w, refreshCookie, sealed)
	}
}

// readRefresh returns the refresh token of a user's browser.
func (d *Desk) readRefresh(r *http.Request, user string) (token refreshToken, found bool) {
	sealed := cookie(r, refreshCookie)
	found = sealed != "" && d.keys.open(forRefresh, host(r), sealed, &token) == nil && token.User == user
	return token, found
}

// refreshSession asks the provider whether a login is still valid, if that is due. Only
// the request for a page does so, so that the parallel requests of a page do not each
// spend the refresh token. It reports whether the login goes on.
func (d *Desk) refreshSession(w http.ResponseWriter, r *http.Request, s session) (session, bool) {
	now, p := d.now(), d.providers[s.Provider]
	token, found := d.readRefresh(r, s.User)
	if !found || p == nil || !navigates(r) || !d.isDue(s) {
		return s, true
	}
	id, next, err := d.renew(r.Context(), p, token.Token)
	switch {
	case err == nil && id.User == s.User:
		s.Identity, s.Checked, s.Refused = id, now.Unix(), 0
		if next != "" {
			d.writeRefresh(w, r, id.User, next)
		}
	case err != nil && refuses(err) && s.Refused == 0:
		// Another replica may just have spent the token of this cookie, and the browser
		// has a newer one by now. It is tried with that in a minute.
		log.FromContext(r.Context()).Info("the provider refuses to refresh a login: it is asked again in a minute", "user", s.User, "provider", s.Provider)
		s.Refused, s.Checked = now.Unix(), now.Add(retryAfter-d.sessions.RefreshAfter.Duration).Unix()
	case err == nil || refuses(err):
		log.FromContext(r.Context()).Info("the provider no longer vouches for a login", "user", s.User, "provider", s.Provider)
		d.forget(w)
		return session{}, false
	default:
		log.FromContext(r.Context()).Error(err, "look at a login again", "user", s.User)
		s.Checked = now.Add(retryAfter - d.sessions.RefreshAfter.Duration).Unix()
	}
	s.Seen = now.Unix()
	if err := d.writeSession(w, r, forSession, sessionCookie, s); err != nil {
		// With the old cookie in place, the login page would redirect back here forever.
		log.FromContext(r.Context()).Error(err, "keep a login that was looked at again", "user", s.User)
		d.forget(w)
		return session{}, false
	}
	return s, true
}

// isDue reports whether it is time to check a login again.
func (d *Desk) isDue(s session) bool {
	return d.now().Sub(time.Unix(s.Checked, 0)) >= d.sessions.RefreshAfter.Duration
}

// refuses reports whether an error means that the provider has ended the login. A
// provider that limits requests, or does not know the gateway, tells nothing about the
// login.
func refuses(err error) bool {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil || refused.ErrorCode == "invalid_client" {
		return false
	}
	switch status := refused.Response.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return status < http.StatusInternalServerError
	}
}

// renewed is the result of using a refresh token.
type renewed struct {
	id   Identity
	next string
}

// renew uses a refresh token. Requests that bring the same token within retryAfter share
// the result, because a provider that rotates its tokens takes a second use for theft.
func (d *Desk) renew(ctx context.Context, p *knownProvider, token string) (Identity, string, error) {
	key := digest("refresh", token)
	value, err, _ := d.flights.Do(key, func() (any, error) {
		if known, found := d.recent.Get(key); found {
			return known, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshWithin)
		defer cancel()
		id, next, err := p.refresh(ctx, token)
		if err == nil {
			id, err = p.config.vouched(id, d.prefixes)
		}
		if err != nil {
			return nil, err
		}
		d.recent.Add(key, renewed{id, next}, retryAfter)
		return renewed{id, next}, nil
	})
	if err != nil {
		return Identity{}, "", err
	}
	r := value.(renewed)
	return r.id, r.next, nil
}

// forget deletes the cookies of a login.
func (d *Desk) forget(w http.ResponseWriter) {
	for _, name := range []string{sessionCookie, refreshCookie, loginCookie} {
		setCookie(w, name, "")
	}
}

// digest returns a hash of a text, which differs for each use of the text.
func digest(use, text string) string {
	sum := sha256.Sum256([]byte(use + "\n" + text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
