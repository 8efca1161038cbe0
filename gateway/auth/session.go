package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// touchEvery is how coarse the idle clock of a session is, at most.
	touchEvery = time.Minute
	// refreshWithin is how long a page waits for the provider when a login is looked
	// at again, and retryAfter how long a provider that failed is left alone.
	refreshWithin = 5 * time.Second
	retryAfter    = time.Minute
)

// session is what a session cookie holds. Times are in Unix seconds.
type session struct {
	Identity
	// Begun is when the provider logged the user in, Seen the last use, and Checked
	// when the provider last said that the login holds, or at a carrel the desk did.
	Begun   int64 `json:"b"`
	Seen    int64 `json:"s"`
	Checked int64 `json:"k,omitempty"`
}

// refreshToken is what a refresh cookie holds. It is bound to the session's user.
type refreshToken struct {
	User  string `json:"u"`
	Token string `json:"t"`
}

func (d *Desk) newSession(id Identity) session {
	now := d.now().Unix()
	return session{Identity: id, Begun: now, Seen: now, Checked: now}
}

// live tells whether a session is neither over nor idle for too long.
func (d *Desk) live(s session) bool {
	now := d.now()
	return now.Sub(time.Unix(s.Begun, 0)) < d.sessions.Absolute.Duration && now.Sub(time.Unix(s.Seen, 0)) < d.sessions.Idle.Duration
}

// read is the session in a cookie, if it is good on this host.
func (d *Desk) read(r *http.Request, purpose, name string) (session, bool) {
	var s session
	value := cookie(r, name)
	if value == "" || d.keys.open(purpose, host(r), value, &s) != nil || !d.live(s) {
		return session{}, false
	}
	return s, checkUser(s.User) == nil
}

// errTooLarge says that an identity does not fit in a cookie.
var errTooLarge = errors.New("the identity does not fit in a cookie of 4 KiB: keep fewer groups or claims by oidc.keepGroups and oidc.keepClaims in the login file")

func (d *Desk) write(w http.ResponseWriter, r *http.Request, purpose, name string, s session) error {
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

// touch moves a session's idle clock on, in coarse steps.
func (d *Desk) touch(w http.ResponseWriter, r *http.Request, purpose, name string, s session) {
	now := d.now()
	if now.Sub(time.Unix(s.Seen, 0)) < min(touchEvery, d.sessions.Idle.Duration/4) {
		return
	}
	s.Seen = now.Unix()
	if err := d.write(w, r, purpose, name, s); err != nil {
		log.FromContext(r.Context()).Error(err, "keep a login from going idle", "user", s.User)
	}
}

// writeRefresh keeps a refresh token in a cookie of its own. One that does not fit is
// dropped: the login then lasts until it is over, and is not looked at again.
func (d *Desk) writeRefresh(w http.ResponseWriter, r *http.Request, user, token string) {
	sealed, err := d.keys.seal(forRefresh, host(r), refreshToken{user, token})
	if token == "" || err != nil || len(sealed) > maxCookie {
		sealed = ""
	}
	if sealed != "" || cookie(r, refreshCookie) != "" {
		setCookie(w, refreshCookie, sealed)
	}
}

// fresh asks the provider again whether a login holds, when that is due. Only a page
// that a person goes to waits for that, so that parallel requests do not each spend
// the token. It reports whether the login goes on.
func (d *Desk) fresh(w http.ResponseWriter, r *http.Request, s session) (session, bool) {
	now := d.now()
	sealed := cookie(r, refreshCookie)
	p := d.providers[s.Provider]
	if sealed == "" || p == nil || !navigates(r) || !d.isDue(s) {
		return s, true
	}
	var token refreshToken
	if d.keys.open(forRefresh, host(r), sealed, &token) != nil || token.User != s.User {
		return s, true
	}
	id, next, err := d.renew(r.Context(), p, token.Token)
	switch {
	case err == nil && id.User == s.User:
		s.Identity, s.Checked = id, now.Unix()
		if next != "" {
			d.writeRefresh(w, r, id.User, next)
		}
	case err == nil || refuses(err):
		log.FromContext(r.Context()).Info("the provider no longer vouches for a login", "user", s.User, "provider", s.Provider)
		d.forget(w)
		return session{}, false
	default:
		log.FromContext(r.Context()).Error(err, "look at a login again", "user", s.User)
		s.Checked = now.Add(retryAfter - d.sessions.RefreshAfter.Duration).Unix()
	}
	s.Seen = now.Unix()
	if err := d.write(w, r, forSession, sessionCookie, s); err != nil {
		// With the old cookie left, the login page would send them back here for ever.
		log.FromContext(r.Context()).Error(err, "keep a login that was looked at again", "user", s.User)
		d.forget(w)
		return session{}, false
	}
	return s, true
}

// isDue tells whether it is time to ask again if a login holds.
func (d *Desk) isDue(s session) bool {
	return d.now().Sub(time.Unix(s.Checked, 0)) >= d.sessions.RefreshAfter.Duration
}

// refuses reports whether a provider no longer vouches. One that is asked too much, or
// does not know the gateway, says nothing of who is logged in.
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

// renewed is what came of a refresh token.
type renewed struct {
	id   Identity
	next string
}

// renew spends a refresh token once, however many requests bring it at a time: a
// provider that rotates them takes a second use for theft.
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

// digest binds a text to a use, without telling it.
func digest(use, text string) string {
	sum := sha256.Sum256([]byte(use + "\n" + text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
