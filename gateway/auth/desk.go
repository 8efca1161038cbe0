package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/limit"
)

// providerTimeout bounds one request to a provider.
const providerTimeout = 15 * time.Second

// Options are what a Desk needs beside its configuration.
type Options struct {
	// URL is where the desk is reached, such as https://desk.example.org.
	URL string
	// IsCarrel tells whether a host, with its port if that is not 443, is one of a
	// carrel. Identities are handed over to no other. Nil: to none.
	IsCarrel func(host string) bool
	// Render shows a page; nil: plainly.
	Render Render
	// Client speaks to providers; nil: one with a timeout of 15 s.
	Client *http.Client
	// ClientAddress is whom logins are counted for; nil: the connection's address.
	// Behind a load balancer it should be what that says, if it is trusted.
	ClientAddress func(*http.Request) string
	// Clock tells the time; nil: the real one.
	Clock clock.PassiveClock
}

// Desk is the host people log in at.
type Desk struct {
	url       *url.URL
	host      string
	sessions  SessionConfig
	keys      *Keys
	proxy     *trustedProxy
	order     []*knownProvider
	providers map[string]*knownProvider
	prefixes  []string
	// begins bounds the logins that begin, and returns those that come back from the
	// provider. One login counts once in each.
	begins    *limit.Limiter
	returns   *limit.Limiter
	perSecond float64
	isCarrel  func(string) bool
	render    Render
	address   func(*http.Request) string
	now       func() time.Time
	flights   singleflight.Group
	recent    *cache.LRUExpireCache
}

type knownProvider struct {
	provider
	config *ProviderConfig
}

// NewDesk makes a desk of a configuration, which ReadConfig made.
func NewDesk(c *Config, o Options) (*Desk, error) {
	there, err := url.Parse(o.URL)
	if err != nil || there.Scheme != "https" || there.Host == "" || there.Path != "" && there.Path != "/" {
		return nil, fmt.Errorf("the address of the gateway is %q: it must be https:// and a host, since browsers keep its cookies for no other", o.URL)
	}
	d := &Desk{
		url: &url.URL{Scheme: there.Scheme, Host: there.Host}, host: canonical(there.Host), sessions: c.Sessions,
		providers: map[string]*knownProvider{}, begins: newLimiter(c.Limit), returns: newLimiter(c.Limit), perSecond: c.Limit.PerSecond, isCarrel: o.IsCarrel,
		render: o.Render, address: o.ClientAddress, recent: cache.NewLRUExpireCache(1000),
	}
	d.setDefaults(o)
	if d.keys, err = ReadKeys(c.Sessions.KeyFiles...); err != nil {
		return nil, err
	}
	if d.proxy, err = newProxy(c.Proxy); err != nil {
		return nil, err
	}
	client := o.Client
	if client == nil {
		client = &http.Client{Timeout: providerTimeout}
	}
	for i := range c.Providers {
		if err := d.add(&c.Providers[i], client); err != nil {
			return nil, fmt.Errorf("provider %s: %w", c.Providers[i].Name, err)
		}
	}
	return d, nil
}

func (d *Desk) setDefaults(o Options) {
	if d.isCarrel == nil {
		d.isCarrel = func(string) bool { return false }
	}
	if d.render == nil {
		d.render = Plain
	}
	if d.address == nil {
		d.address = peer
	}
	d.now = time.Now
	if o.Clock != nil {
		d.now = o.Clock.Now
	}
}

func (d *Desk) add(c *ProviderConfig, client *http.Client) error {
	known := &knownProvider{config: c}
	var err error
	if c.GitHub != nil {
		known.provider, err = newGitHub(c.GitHub, client)
	} else {
		known.provider, err = newOIDC(c.OIDC, client, d.now)
	}
	if err != nil {
		return err
	}
	d.order, d.providers[c.Name] = append(d.order, known), known
	d.prefixes = append(d.prefixes, c.UserPrefix)
	return nil
}

// Handler serves /login, /callback/<provider>, /logout and /handover on the desk.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", d.login)
	mux.HandleFunc("GET /callback/{provider}", d.callback)
	mux.HandleFunc("GET /logout", d.askLogout)
	mux.HandleFunc("POST /logout", d.logout)
	mux.Handle("GET /handover", d.RequireLogin(http.HandlerFunc(d.handOver)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if host(r) != d.host {
			d.show(w, r, pageMisdirected)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// RequireLogin lets only those through who are logged in at the desk, with their
// Identity in the context. Others are sent to log in when they go to a page, and
// are answered 401 else. It takes identity headers out of the request, but not
// cookies: what else is served beside the desk, as in the single-host mode, must be
// kept from them by StripCookies.
func (d *Desk) RequireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok, err := d.who(w, r)
		switch {
		case err != nil:
			log.FromContext(r.Context()).Error(err, "read the identity a trusted proxy sent")
			d.show(w, r, pageRefused)
		case ok:
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), s.Identity)))
		case len(d.order) == 0 || !navigates(r):
			d.unauthorized(w, r)
		default:
			redirect(w, d.url.String()+"/login?"+url.Values{"return": {localPath(r.URL.RequestURI())}}.Encode())
		}
	})
}

// who is the session a request to the desk comes with.
func (d *Desk) who(w http.ResponseWriter, r *http.Request) (session, bool, error) {
	id, found, err := d.proxy.take(r)
	if err != nil || found {
		return d.newSession(id), found, err
	}
	if host(r) != d.host {
		return session{}, false, nil
	}
	s, ok := d.read(r, forSession, sessionCookie)
	if !ok {
		return session{}, false, nil
	}
	s, ok = d.fresh(w, r, s)
	if ok {
		d.touch(w, r, forSession, sessionCookie, s)
	}
	return s, ok, nil
}

// errElsewhere says that a form was not sent by a page of the desk.
var errElsewhere = errors.New("sent by a page of another origin")

// host is the host of a request, with its port if that is not 443.
func host(r *http.Request) string { return canonical(r.Host) }

func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

// navigates tells whether a request is a person's browser going to a page, which can
// be sent elsewhere. A script, an upgrade or an unsafe method is told 401 instead.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// isPage tells whether somebody navigates, and not a frame within a page: the login
// does not show itself in one.
func isPage(r *http.Request) bool {
	to := r.Header.Get("Sec-Fetch-Dest")
	return navigates(r) && (to == "" || to == "document")
}

// maxReturn is the longest path that is gone back to after a login.
const maxReturn = 1500

// localPath is a path on the same host, or / for anything else: what a browser
// would take for another host, what it would read differently, and the login itself.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || len(path) > maxReturn || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return "/"
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	for _, own := range []string{"/login", "/logout", "/callback/", HandoverPath} {
		if strings.HasPrefix(u.Path, own) {
			return "/"
		}
	}
	return path
}

// redirect sends a browser on, and rewrites nothing of the address as http.Redirect
// does.
func redirect(w http.ResponseWriter, there string) {
	w.Header().Set("Location", there)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}
