// Package auth says who somebody is: it logs people in at a provider (OpenID
// Connect or GitHub) or believes a trusted proxy in front, keeps that in encrypted
// cookies, and hands it over to the origins of carrels, which never see the cookie
// of the desk. Nothing is stored on the server, so replicas share only key files.
package auth

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUser is the longest identity in bytes, as in Userland.spec.user.
const maxUser = 256

// Identity is who somebody is.
type Identity struct {
	// User is what Userland.spec.user is compared with.
	User string `json:"u"`
	// Name is for people to read; it may be empty.
	Name string `json:"n,omitempty"`
	// Provider is the name of the provider that vouches, or ProxyProvider.
	Provider string `json:"p"`
	// Groups are as the provider names them, without the prefix for Kubernetes.
	Groups []string `json:"g,omitempty"`
	// Claims are those the configuration keeps for rules on them.
	Claims map[string][]string `json:"c,omitempty"`
}

// ProxyProvider is the Provider of identities that a trusted proxy gave.
const ProxyProvider = "proxy"

type identityKey struct{}

// FromContext is the identity that RequireLogin or RequireCarrelLogin found.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(Identity)
	return id, ok
}

// NewContext is a context with an identity.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// checkUser refuses identities that could be taken for something else.
func checkUser(user string) error {
	switch {
	case user == "":
		return fmt.Errorf("the identity is empty")
	case len(user) > maxUser:
		return fmt.Errorf("the identity has %d bytes, more than %d", len(user), maxUser)
	case !utf8.ValidString(user) || strings.ContainsFunc(user, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("the identity %q holds characters that do not print", user)
	case strings.TrimSpace(user) != user:
		return fmt.Errorf("the identity %q begins or ends with a space", user)
	case strings.HasPrefix(strings.ToLower(user), "system:"):
		return fmt.Errorf("the identity %q begins with system:, which is Kubernetes' own", user)
	}
	return nil
}
