package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/oauth2"
)

// provider vouches for people.
type provider interface {
	// begin is where the browser goes to log in.
	begin(ctx context.Context, f flow) (string, error)
	// finish makes an identity of the code that the browser came back with.
	finish(ctx context.Context, f flow, code string) (Identity, string, error)
	// refresh asks whether a login still holds; the new refresh token may be empty.
	refresh(ctx context.Context, token string) (Identity, string, error)
	// logout is where the browser goes to end the login there too; may be empty.
	logout(ctx context.Context, back string) string
}

// flow is what one login attempt is bound to.
type flow struct{ state, nonce, verifier, callback string }

// vouched completes an identity that a provider gave.
func (p *ProviderConfig) vouched(id Identity, others []string) (Identity, error) {
	if p.LowerCase {
		id.User = strings.ToLower(id.User)
	}
	if err := checkUser(id.User); err != nil {
		return Identity{}, fmt.Errorf("provider %s: %w", p.Name, err)
	}
	id.User, id.Provider = p.UserPrefix+id.User, p.Name
	for _, other := range others {
		if len(other) > len(p.UserPrefix) && strings.HasPrefix(id.User, other) {
			return Identity{}, fmt.Errorf("provider %s: the identity %q begins with the prefix of another provider", p.Name, id.User)
		}
	}
	return id, checkUser(id.User)
}

// withClient makes go-oidc and oauth2 use this client.
func withClient(ctx context.Context, c *http.Client) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c)
}
