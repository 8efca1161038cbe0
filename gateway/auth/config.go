package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Config is the content of the gateway's login file, which docs/login.md describes. It
// names the providers that log people in, and bounds how long a login lasts.
type Config struct {
	// Providers are offered on the login page in this order.
	Providers []ProviderConfig `json:"providers,omitempty"`
	// Proxy is the trusted proxy in front of the gateway, if any.
	Proxy *ProxyConfig `json:"proxy,omitempty"`
	// Sessions configures the cookies.
	Sessions SessionConfig `json:"sessions"`
	// Limit bounds failed logins from one address.
	Limit LimitConfig `json:"limit,omitempty"`
}

// ProviderConfig configures one provider. Exactly one of OIDC and GitHub is set.
type ProviderConfig struct {
	// Name is part of the callback's address, /callback/<name>.
	Name string `json:"name"`
	// Title is the provider's name on the login page; default: Name.
	Title string `json:"title,omitempty"`
	// UserPrefix is put before the identity, so that users of two providers can't be
	// taken for each other. Each provider needs its own; one provider may have none.
	UserPrefix string `json:"userPrefix,omitempty"`
	// GroupPrefix is put before the groups, so that a group of one provider can't be taken
	// for that of another. If there are two providers, each that keeps groups needs its
	// own.
	GroupPrefix string `json:"groupPrefix,omitempty"`
	// LowerCase converts identities to lower case.
	LowerCase bool `json:"lowerCase,omitempty"`

	OIDC   *OIDCConfig   `json:"oidc,omitempty"`
	GitHub *GitHubConfig `json:"github,omitempty"`
}

// OIDCConfig configures an OpenID Connect provider with discovery.
type OIDCConfig struct {
	Issuer           string `json:"issuer"`
	ClientID         string `json:"clientID"`
	ClientSecretFile string `json:"clientSecretFile,omitempty"`
	// Scopes are requested in addition to openid; default: profile, email.
	Scopes []string `json:"scopes,omitempty"`
	// UserClaim is the claim compared with Userland.spec.user; default:
	// preferred_username. With email, email_verified must be true.
	UserClaim string `json:"userClaim,omitempty"`
	// NameClaim is the claim with the name shown to people; default: name.
	NameClaim string `json:"nameClaim,omitempty"`
	// GroupsClaim is the claim with the groups for Kubernetes; default: groups.
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// KeepGroups is a regular expression. Groups that it matches in full are kept; default:
	// none. At many providers people create groups and choose their names, so it names
	// those that staff look after.
	KeepGroups string `json:"keepGroups,omitempty"`
	// KeepClaims names the claims that enrolment rules refer to.
	KeepClaims []string `json:"keepClaims,omitempty"`
}

// GitHubConfig configures GitHub or a GitHub Enterprise Server.
type GitHubConfig struct {
	// URL is the address of the server; default: https://github.com.
	URL              string `json:"url,omitempty"`
	ClientID         string `json:"clientID"`
	ClientSecretFile string `json:"clientSecretFile"`
	// Organisations become groups of their members. If it is empty, the scope read:org
	// is not requested.
	Organisations []Organisation `json:"organisations,omitempty"`
}

// Organisation is an organisation at GitHub.
type Organisation struct {
	// ID identifies it: https://api.github.com/orgs/<name> shows it. A name can be
	// registered again by others when its organisation was renamed or deleted.
	ID int64 `json:"id"`
	// Name is the name of the group.
	Name string `json:"name"`
}

// ProxyConfig configures a proxy in front of the gateway that logs people in.
type ProxyConfig struct {
	// UserHeader holds the identity, for instance X-Auth-Request-User.
	UserHeader string `json:"userHeader"`
	// NameHeader holds the name shown to people; optional.
	NameHeader string `json:"nameHeader,omitempty"`
	// GroupsHeader holds the groups, separated by commas; optional.
	GroupsHeader string `json:"groupsHeader,omitempty"`
	// KeepGroups and GroupPrefix are as those of OIDCConfig and ProviderConfig. They are
	// required with GroupsHeader, and if there are providers as well.
	KeepGroups  string `json:"keepGroups,omitempty"`
	GroupPrefix string `json:"groupPrefix,omitempty"`
	// From lists the networks that the proxy connects from, as CIDR. At least one of
	// From and SecretFile is needed; if both are set, both must match.
	From []string `json:"from,omitempty"`
	// SecretHeader is the header in which the proxy sends the content of SecretFile.
	SecretHeader string `json:"secretHeader,omitempty"`
	SecretFile   string `json:"secretFile,omitempty"`
}

// SessionConfig configures the cookies of logins.
type SessionConfig struct {
	// KeyFiles hold keys of at least 32 bytes. The first encrypts; all decrypt.
	KeyFiles []string `json:"keyFiles"`
	// Idle ends a login that was not used for this long; default: 4h.
	Idle metav1.Duration `json:"idle,omitempty"`
	// Absolute ends every login this long after its start; default: 14h, a long day.
	Absolute metav1.Duration `json:"absolute,omitempty"`
	// RefreshAfter is the age at which a login is checked again at the provider, if the
	// provider gave a refresh token; default: 1h.
	RefreshAfter metav1.Duration `json:"refreshAfter,omitempty"`
}

// LimitConfig bounds the failed logins from one address that are answered and logged
// each. Logins that succeed are not counted, since a whole class may share an address.
type LimitConfig struct {
	// PerSecond is the sustained rate; default: 5.
	PerSecond float64 `json:"perSecond,omitempty"`
	// Burst is the number of failures allowed at once; default: 300.
	Burst int `json:"burst,omitempty"`
}

// ReadConfig reads a login file, and sets its defaults. An unknown field is an error.
func ReadConfig(file string) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the login file: %w", err)
	}
	c := &Config{}
	if err := yaml.UnmarshalStrict(text, c); err != nil {
		return nil, fmt.Errorf("login file %s: %w: compare it with docs/login.md", file, err)
	}
	c.setDefaults()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("login file %s: %w", file, err)
	}
	return c, nil
}

// ProxyNetworks returns the networks from which the trusted proxy connects.
func (c *Config) ProxyNetworks() []netip.Prefix {
	if c.Proxy == nil {
		return nil
	}
	var all []netip.Prefix
	for _, text := range c.Proxy.From {
		if network, err := netip.ParsePrefix(text); err == nil { // check has refused the others
			all = append(all, network.Masked())
		}
	}
	return all
}

func (c *Config) setDefaults() {
	setDuration(&c.Sessions.Idle, 4*time.Hour)
	setDuration(&c.Sessions.Absolute, 14*time.Hour)
	setDuration(&c.Sessions.RefreshAfter, time.Hour)
	setDefault(&c.Limit.PerSecond, 5)
	setDefault(&c.Limit.Burst, 300)
	for i := range c.Providers {
		p := &c.Providers[i]
		setDefault(&p.Title, p.Name)
		if o := p.OIDC; o != nil {
			if o.Scopes == nil {
				o.Scopes = []string{"profile", "email"}
			}
			setDefault(&o.UserClaim, "preferred_username")
			setDefault(&o.NameClaim, "name")
			setDefault(&o.GroupsClaim, "groups")
		}
		if p.GitHub != nil {
			setDefault(&p.GitHub.URL, "https://github.com")
		}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setDuration(field *metav1.Duration, value time.Duration) { setDefault(&field.Duration, value) }

// providerName matches names that may be part of an address.
var providerName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func (c *Config) check() error {
	var errs []error
	if len(c.Providers) == 0 && c.Proxy == nil {
		errs = append(errs, errors.New("neither providers nor proxy is set, so nobody could log in: set one"))
	}
	if len(c.Sessions.KeyFiles) == 0 {
		errs = append(errs, errors.New("sessions.keyFiles is empty: make a key with `openssl rand -base64 48` and name its file"))
	}
	if c.Sessions.Idle.Duration < time.Minute || c.Sessions.Absolute.Duration < c.Sessions.Idle.Duration {
		errs = append(errs, errors.New("sessions.idle must be at least 1m, and sessions.absolute at least as long as sessions.idle"))
	}
	if c.Limit.PerSecond < 0 || c.Limit.Burst < 0 {
		errs = append(errs, errors.New("limit.perSecond and limit.burst must not be negative"))
	}
	for i := range c.Providers {
		for _, problem := range c.Providers[i].problems() {
			errs = append(errs, fmt.Errorf("providers[%d]: %s", i, problem))
		}
	}
	errs = append(errs, c.checkPrefixes()...)
	errs = append(errs, c.checkGroups()...)
	if c.Proxy != nil {
		for _, problem := range c.Proxy.problems() {
			errs = append(errs, fmt.Errorf("proxy: %s", problem))
		}
	}
	return errors.Join(errs...)
}

// checkPrefixes returns errors for prefixes with which the users of two providers could
// be taken for each other.
func (c *Config) checkPrefixes() []error {
	var errs []error
	names, prefixes := map[string]bool{}, map[string]string{}
	for i, p := range c.Providers {
		if names[p.Name] {
			errs = append(errs, fmt.Errorf("providers[%d].name %q is taken: choose another", i, p.Name))
		}
		names[p.Name] = true
		if other, taken := prefixes[p.UserPrefix]; taken {
			errs = append(errs, fmt.Errorf("providers[%d].userPrefix %q is also that of provider %q, so that who has a name there could be taken for who has it here: give each its own, such as %q",
				i, p.UserPrefix, other, p.Name+":"))
		}
		prefixes[p.UserPrefix] = p.Name
	}
	return errs
}

// OneProvider reports whether all people come from one provider, or from the proxy alone.
// Enrolment rules then need not name it.
func (c *Config) OneProvider() bool {
	return len(c.Providers) == 1 != (c.Proxy != nil) && len(c.Providers) < 2
}

// checkGroups returns errors for prefixes with which the groups of two providers could be
// taken for each other.
func (c *Config) checkGroups() []error {
	type source struct{ field, prefix, example string }
	var all []source
	for i, p := range c.Providers {
		if p.keepsGroups() {
			all = append(all, source{fmt.Sprintf("providers[%d].groupPrefix", i), p.GroupPrefix, p.Name})
		}
	}
	if c.Proxy != nil && c.Proxy.GroupsHeader != "" {
		all = append(all, source{"proxy.groupPrefix", c.Proxy.GroupPrefix, ProxyProvider})
	}
	if c.OneProvider() {
		return nil
	}
	var errs []error
	for i, one := range all {
		if one.prefix == "" {
			errs = append(errs, fmt.Errorf("%s is empty, so a group of this provider could be taken for that of another: give it one, such as %q, and write it in RoleBindings and enrolment rules",
				one.field, one.example+":"))
		}
		for j, other := range all {
			if i != j && other.prefix != "" && strings.HasPrefix(one.prefix, other.prefix) && (i < j || one.prefix != other.prefix) {
				errs = append(errs, fmt.Errorf("%s %q begins with %s %q: give each provider its own", one.field, one.prefix, other.field, other.prefix))
			}
		}
	}
	return errs
}

// keepsGroups reports whether a provider's people have groups.
func (p *ProviderConfig) keepsGroups() bool {
	return p.OIDC != nil && p.OIDC.KeepGroups != "" || p.GitHub != nil && len(p.GitHub.Organisations) > 0
}

// groupsPattern returns the pattern of a keepGroups, which matches a group in full.
func groupsPattern(keep string) (*regexp.Regexp, error) { return regexp.Compile("^(?:" + keep + ")$") }

// reservedGroups holds what the names of groups that belong to Kubernetes begin with.
var reservedGroups = []string{"system:", "kubeadm:", "kubernetes"}

// keptGroups returns the groups that a pattern matches in full, with a prefix. It leaves
// out those that belong to Kubernetes, before and after the prefix is added.
func keptGroups(groups []string, keep *regexp.Regexp, prefix string) []string {
	var kept []string
	for _, group := range groups {
		if keep.MatchString(group) && !isReservedGroup(group) && !isReservedGroup(prefix+group) {
			kept = append(kept, prefix+group)
		}
	}
	return kept
}

func isReservedGroup(group string) bool {
	group = strings.ToLower(group)
	return group == "" || slices.ContainsFunc(reservedGroups, func(begin string) bool { return strings.HasPrefix(group, begin) })
}

func (p *ProviderConfig) problems() []string {
	var found []string
	if !providerName.MatchString(p.Name) {
		found = append(found, fmt.Sprintf("name %q must be lower-case letters, digits and '-', because it becomes part of /callback/<name>", p.Name))
	}
	if p.Name == ProxyProvider {
		found = append(found, "name \"proxy\" means the trusted proxy: choose another")
	}
	if (p.OIDC == nil) == (p.GitHub == nil) {
		return append(found, "exactly one of oidc and github must be set")
	}
	if p.OIDC != nil {
		return append(found, p.OIDC.problems()...)
	}
	return append(found, p.GitHub.problems()...)
}

func (o *OIDCConfig) problems() []string {
	found := addressProblems("oidc.issuer", o.Issuer)
	if o.ClientID == "" {
		found = append(found, "oidc.clientID is empty: the provider names it when the gateway is registered there")
	}
	if _, err := groupsPattern(o.KeepGroups); err != nil {
		found = append(found, "oidc.keepGroups is no regular expression: "+err.Error())
	}
	return found
}

func (g *GitHubConfig) problems() []string {
	found := addressProblems("github.url", g.URL)
	if g.ClientID == "" {
		found = append(found, "github.clientID is empty: GitHub names it under Settings, Developer settings, OAuth apps")
	}
	if g.ClientSecretFile == "" {
		found = append(found, "github.clientSecretFile is empty: GitHub logs nobody in without")
	}
	for i, o := range g.Organisations {
		if o.ID <= 0 || o.Name == "" {
			found = append(found, fmt.Sprintf("github.organisations[%d] needs id and name: https://api.github.com/orgs/<name> shows the id, and the name alone can be registered by others", i))
		}
	}
	return found
}

// addressProblems returns what is wrong with an address. It must be https, except on
// this machine.
func addressProblems(field, address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return []string{fmt.Sprintf("%s %q must be an address such as https://login.example.org", field, address)}
	}
	if local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"; u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return []string{fmt.Sprintf("%s %q must begin with https://: over http anybody on the way could log in as anybody", field, address)}
	}
	return nil
}

func (p *ProxyConfig) problems() []string {
	var found []string
	if p.UserHeader == "" {
		found = append(found, "userHeader is empty: name the header that holds the identity, such as X-Auth-Request-User")
	}
	if len(p.From) == 0 && p.SecretFile == "" {
		found = append(found, "neither from nor secretFile is set, so anybody could name themselves: set the proxy's addresses, or a secret it sends")
	}
	if (p.GroupsHeader == "") != (p.KeepGroups == "") {
		found = append(found, "groupsHeader and keepGroups need each other: keepGroups is a regular expression of the groups that count")
	}
	if _, err := groupsPattern(p.KeepGroups); err != nil {
		found = append(found, "keepGroups is no regular expression: "+err.Error())
	}
	if (p.SecretFile == "") != (p.SecretHeader == "") {
		found = append(found, "secretHeader and secretFile need each other")
	}
	for i, cidr := range p.From {
		if network, err := netip.ParsePrefix(cidr); err == nil && network.Bits() == 0 && p.SecretFile == "" {
			found = append(found, fmt.Sprintf("from[%d] %q is everybody, so anybody could name themselves: write the proxy's own addresses, or set a secret as well", i, cidr))
		} else if err != nil {
			found = append(found, fmt.Sprintf("from[%d] %q must be a range of addresses such as 10.0.0.7/32", i, cidr))
		}
	}
	return found
}

// readSecret returns the content of a file without surrounding space. Without the name
// of a file it returns "".
func readSecret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("secret file %s is empty", file)
	}
	return secret, nil
}
