package auth

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
)

// provider authenticates people.
type provider interface {
	// begin returns the address to which the browser is sent to log in.
	begin(ctx context.Context, f flow) (string, error)
	// finish exchanges the code with which the browser came back for an identity and a
	// refresh token, which may be empty.
	finish(ctx context.Context, f flow, code string) (Identity, string, error)
	// refresh asks the provider whether a login is still valid. It returns the identity
	// and a new refresh token, which may be empty.
	refresh(ctx context.Context, token string) (Identity, string, error)
	// logout returns the address at which the browser ends the login at the provider;
	// "" if there is none. From there the browser is sent back.
	logout(ctx context.Context, back string) string
}

// flow holds the values that one login is bound to.
type flow struct{ state, nonce, verifier, callback string }

// anyGroup matches all groups.
var anyGroup = regexp.MustCompile("")

// vouched checks an identity that a provider returned, and adds the provider's name and
// its prefixes. Others are the user prefixes of all providers: an identity may not begin
// with that of another.
func (p *ProviderConfig) vouched(id Identity, others []string) (Identity, error) {
	if p.LowerCase {
		id.User = strings.ToLower(id.User)
	}
	if err := checkUser(id.User); err != nil {
		return Identity{}, fmt.Errorf("provider %s: %w", p.Name, err)
	}
	id.User, id.Provider = p.UserPrefix+id.User, p.Name
	id.Groups = keptGroups(id.Groups, anyGroup, p.GroupPrefix)
	for _, other := range others {
		if len(other) > len(p.UserPrefix) && strings.HasPrefix(id.User, other) {
			return Identity{}, fmt.Errorf("provider %s: the identity %q begins with the prefix of another provider", p.Name, id.User)
		}
	}
	return id, checkUser(id.User)
}

// withClient returns a context with which go-oidc and oauth2 use a client.
func withClient(ctx context.Context, c *http.Client) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c)
}
