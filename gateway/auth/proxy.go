package auth

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// identityHeaders lists the headers in which proxies commonly send a user's identity. They
// are removed from every request, so that no program in a carrel trusts one that a
// visitor wrote.
var identityHeaders = []string{
	"X-User", "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username",
	"X-Auth-Request-Access-Token", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
	"X-Forwarded-Access-Token", "X-Remote-User", "Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email",
	"X-Webauth-User", "X-Authentik-Username", "X-Authentik-Groups", "Tailscale-User-Login", "Tailscale-User-Name", "Tailscale-User-Profile-Pic",
	"X-Goog-Authenticated-User-Email", "X-Goog-Authenticated-User-Id", "X-Ms-Client-Principal", "X-Ms-Client-Principal-Name",
}

// trustedProxy takes identities from the requests of a proxy in front.
type trustedProxy struct {
	config *ProxyConfig
	from   []netip.Prefix
	secret string
	// groups matches the groups that are kept.
	groups *regexp.Regexp
	// strip holds the headers to remove, by headerKey.
	strip map[string]bool
}

// newProxy returns a trustedProxy. Without a configuration it trusts no request.
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
	if p.groups, err = groupsPattern(c.KeepGroups); err != nil {
		return nil, err
	}
	p.secret, err = readSecret(c.SecretFile)
	return p, err
}

// headerKey maps the names that some programs take for the same header to one key. CGI
// and WSGI turn X-User and X_User into one variable.
func headerKey(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// take returns the identity that a trusted proxy sent, if it did, and removes all
// identity headers from the request.
func (p *trustedProxy) take(r *http.Request) (Identity, bool, error) {
	id, found, err := p.read(r)
	for name := range r.Header {
		if p.strip[headerKey(name)] {
			delete(r.Header, name)
		}
	}
	return id, found, err
}

// read returns the identity that a trusted proxy sent.
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
		var groups []string
		for group := range strings.SplitSeq(strings.Join(r.Header.Values(p.config.GroupsHeader), ","), ",") {
			groups = append(groups, strings.TrimSpace(group))
		}
		id.Groups = keptGroups(groups, p.groups, p.config.GroupPrefix)
	}
	return id, true, nil
}

// trusts reports whether a request comes from the proxy, by the address of its
// connection and by the secret. It does not look at headers with addresses.
func (p *trustedProxy) trusts(r *http.Request) bool {
	if len(p.from) > 0 && !p.isFrom(r.RemoteAddr) {
		return false
	}
	if p.secret == "" {
		return len(p.from) > 0
	}
	given := r.Header.Values(p.config.SecretHeader)
	return len(given) == 1 && subtle.ConstantTimeCompare([]byte(given[0]), []byte(p.secret)) == 1
}

// isFrom reports whether an address is in one of the configured networks.
func (p *trustedProxy) isFrom(remote string) bool {
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
