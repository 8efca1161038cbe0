package auth

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

// identityHeaders are what proxies commonly name a user by. They are taken out of
// every request, so that no program in a carrel believes a visitor's own.
var identityHeaders = []string{
	"X-User", "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username",
	"X-Auth-Request-Access-Token", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
	"X-Forwarded-Access-Token", "X-Remote-User", "Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email",
	"X-Webauth-User", "X-Authentik-Username", "X-Authentik-Groups",
}

// trustedProxy believes a proxy in front, and nobody else.
type trustedProxy struct {
	config *ProxyConfig
	from   []netip.Prefix
	secret string
	strip  map[string]bool
}

// newProxy is one that believes nobody if there is no configuration.
func newProxy(c *ProxyConfig) (*trustedProxy, error) {
	p := &trustedProxy{config: c, strip: map[string]bool{}}
	for _, name := range identityHeaders {
		p.strip[headerKey(name)] = true
	}
	if c == nil {
		return p, nil
	}
	for _, name := range []string{c.UserHeader, c.NameHeader, c.GroupsHeader, c.SecretHeader} {
		if name != "" {
			p.strip[headerKey(name)] = true
		}
	}
	for _, cidr := range c.From {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, err
		}
		p.from = append(p.from, prefix.Masked())
	}
	var err error
	p.secret, err = readSecret(c.SecretFile)
	return p, err
}

// headerKey makes names equal that some programs take for the same: CGI and WSGI
// make X-User and X_User one variable.
func headerKey(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// take reads the identity a trusted proxy gave, if one did, and takes all identity
// headers out of the request.
func (p *trustedProxy) take(r *http.Request) (Identity, bool, error) {
	id, found, err := p.read(r)
	for name := range r.Header {
		if p.strip[headerKey(name)] {
			delete(r.Header, name)
		}
	}
	return id, found, err
}

func (p *trustedProxy) read(r *http.Request) (Identity, bool, error) {
	if p.config == nil || !p.trusts(r) {
		return Identity{}, false, nil
	}
	users := r.Header.Values(p.config.UserHeader)
	if len(users) == 0 {
		return Identity{}, false, nil
	}
	if len(users) > 1 {
		return Identity{}, false, errors.New("the trusted proxy sent " + p.config.UserHeader + " more than once: let it replace what visitors send")
	}
	if err := checkUser(users[0]); err != nil {
		return Identity{}, false, err
	}
	id := Identity{User: users[0], Provider: ProxyProvider}
	if p.config.NameHeader != "" {
		id.Name = r.Header.Get(p.config.NameHeader)
	}
	if p.config.GroupsHeader != "" {
		for group := range strings.SplitSeq(strings.Join(r.Header.Values(p.config.GroupsHeader), ","), ",") {
			if group = strings.TrimSpace(group); group != "" {
				id.Groups = append(id.Groups, group)
			}
		}
	}
	return id, true, nil
}

// trusts looks at the connection itself, never at a header that says where it is
// from.
func (p *trustedProxy) trusts(r *http.Request) bool {
	if len(p.from) > 0 && !p.near(r.RemoteAddr) {
		return false
	}
	if p.secret == "" {
		return len(p.from) > 0
	}
	given := r.Header.Values(p.config.SecretHeader)
	return len(given) == 1 && subtle.ConstantTimeCompare([]byte(given[0]), []byte(p.secret)) == 1
}

func (p *trustedProxy) near(remote string) bool {
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, prefix := range p.from {
		if prefix.Contains(address.Addr().Unmap()) {
			return true
		}
	}
	return false
}
