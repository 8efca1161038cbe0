package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/logouts"
)

// providerTimeout bounds one request to a provider.
const providerTimeout = 15 * time.Second

// Options configure a Desk in addition to the login file.
type Options struct {
	// URL is the address of the desk, such as https://desk.example.org.
	URL string
	// IsCarrel reports whether a host, with its port unless that is 443, is one of a
	// carrel. Identities are handed over to these hosts only; nil means to none.
	IsCarrel func(host string) bool
	// Render answers with a page; nil means Plain.
	Render Render
	// Client sends requests to providers; nil means a client with a timeout of 15 s.
	Client *http.Client
	// ClientAddress returns the address for which a login is counted; nil means that of
	// the connection. Behind a trusted load balancer it should be the one that the load
	// balancer forwards.
	ClientAddress func(*http.Request) string
	// Clock defaults to the real clock.
	Clock clock.PassiveClock
	// Logouts holds the logins that have ended; nil means that a logout only deletes the
	// cookies of the desk.
	Logouts *logouts.Store
}

// Desk logs people in at the gateway's own host, and hands their identities over to the
// hosts of carrels.
type Desk struct {
	url       *url.URL
	host      string
	sessions  SessionConfig
	keys      *Keys
	proxy     *trustedProxy
	order     []*knownProvider
	providers map[string]*knownProvider
	prefixes  []string
	logins    logins
	isCarrel  func(string) bool
	render    Render
	address   func(*http.Request) string
	now       func() time.Time
	flights   singleflight.Group
	recent    *cache.LRUExpireCache
	options   Options
	config    *Config
	// newer is the Desk of the login file as it was read last; nil if that is this one.
	newer atomic.Pointer[Desk]
}

// latest returns the Desk of the login file as it was read last.
func (d *Desk) latest() *Desk {
	if newer := d.newer.Load(); newer != nil {
		return newer
	}
	return d
}

type knownProvider struct {
	provider
	config *ProviderConfig
	// silent logs once that the provider gives no refresh token.
	silent sync.Once
}

// NewDesk returns a Desk. The configuration must come from ReadConfig.
func NewDesk(c *Config, o Options) (*Desk, error) {
	there, err := url.Parse(o.URL)
	if err != nil || there.Scheme != "https" || there.Host == "" || there.Path != "" && there.Path != "/" {
		return nil, fmt.Errorf("the address of the gateway is %q: it must be https:// and a host, since browsers keep its cookies for no other", o.URL)
	}
	d := &Desk{
		url: &url.URL{Scheme: there.Scheme, Host: there.Host}, host: canonical(there.Host), sessions: c.Sessions,
		providers: map[string]*knownProvider{}, logins: newLogins(c.Limit), isCarrel: o.IsCarrel,
		render: o.Render, address: o.ClientAddress, recent: cache.NewLRUExpireCache(1000), options: o, config: c,
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
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { d.latest().login(w, r) })
	mux.HandleFunc("GET /callback/{provider}", func(w http.ResponseWriter, r *http.Request) { d.latest().callback(w, r) })
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) { d.latest().askLogout(w, r) })
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) { d.latest().logout(w, r) })
	mux.Handle("GET /handover", d.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.latest().handOver(w, r) })))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if host(r) != d.host {
			d.show(w, r, pageMisdirected)
			return
		}
		if d.latest().overflows(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// RequireLogin calls next for visitors who are logged in at the desk, with their Identity
// in the context. It redirects others to the login if they go to a page, and answers 401
// otherwise. It removes identity headers from the request, but not cookies: a handler
// that passes the request to a carrel, as in the single-host mode, calls StripCookies.
func (d *Desk) RequireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := d.latest()
		if d.overflows(w, r) {
			return
		}
		s, ok, err := d.deskSession(w, r)
		switch {
		case err != nil:
			log.FromContext(r.Context()).Error(err, "read the identity a trusted proxy sent")
			d.show(w, r, pageRefused)
		case ok:
			ctx := NewContext(r.Context(), s.Identity)
			if s.Provider != ProxyProvider {
				ctx = d.withLogin(r.Context(), s)
			}
			next.ServeHTTP(w, d.cameBack(w, r.WithContext(ctx)))
		case len(d.order) == 0 || !navigates(r):
			d.unauthorized(w, r)
		default:
			redirect(w, d.url.String()+"/login?"+url.Values{"return": {localPath(r.URL.RequestURI())}}.Encode())
		}
	})
}

// deskSession returns the session of a request to the desk: that of the trusted proxy,
// else that of the cookie, which it refreshes.
func (d *Desk) deskSession(w http.ResponseWriter, r *http.Request) (session, bool, error) {
	id, found, err := d.proxy.take(r)
	if err != nil || found {
		return d.newSession(id), found, err
	}
	if host(r) != d.host {
		return session{}, false, nil
	}
	s, ok := d.readSession(r, forSession, sessionCookie)
	if !ok {
		return session{}, false, nil
	}
	s, ok = d.refreshSession(w, r, s)
	if ok {
		d.touch(w, r, forSession, sessionCookie, s)
	}
	return s, ok, nil
}

// errElsewhere is logged for a form that a page of another origin sent.
var errElsewhere = errors.New("sent by a page of another origin")

// host returns the host of a request, with its port unless that is 443.
func host(r *http.Request) string { return canonical(r.Host) }

func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

// navigates reports whether a browser is going to a page, so that it can be redirected
// to the login. A script, an upgrade or an unsafe method can't.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// isPage reports whether a browser is going to a page of its own, and not to one in an
// iframe, where the login refuses to be shown.
func isPage(r *http.Request) bool {
	to := r.Header.Get("Sec-Fetch-Dest")
	return navigates(r) && (to == "" || to == "document")
}

// maxReturn is the length of the longest path to which a login returns, in bytes.
const maxReturn = 1500

// localPath returns path if it is one on the same host. For anything else it returns /:
// for what a browser would take for another host or read differently, and for the paths
// of the login itself.
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

// redirect answers with a redirect. Unlike http.Redirect it does not rewrite the address.
func redirect(w http.ResponseWriter, there string) {
	w.Header().Set("Location", there)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}
