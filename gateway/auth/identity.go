// Package auth finds out who a visitor is. It logs people in at a provider (OpenID
// Connect or GitHub), or takes the identity from a trusted proxy in front. It keeps the
// identity in an encrypted cookie of the desk, and hands it over to the origins of
// carrels, which never see that cookie. The server stores nothing, so replicas share
// only key files.
package auth

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUser is the length of the longest identity in bytes, as in Userland.spec.user.
const maxUser = 256

// Identity identifies a visitor.
type Identity struct {
	// User is compared with Userland.spec.user.
	User string `json:"u"`
	// Name is the name for people to read; may be empty.
	Name string `json:"n,omitempty"`
	// Provider is the name of the provider that authenticated the visitor, or
	// ProxyProvider.
	Provider string `json:"p"`
	// Groups has the provider's names with the provider's GroupPrefix, without the prefix
	// for Kubernetes.
	Groups []string `json:"g,omitempty"`
	// Claims holds the claims named by OIDCConfig.KeepClaims, for enrolment rules.
	Claims map[string][]string `json:"c,omitempty"`
}

// ProxyProvider is the Provider of identities that come from a trusted proxy.
const ProxyProvider = "proxy"

type identityKey struct{}

// FromContext returns the identity that RequireLogin or RequireCarrelLogin found.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(Identity)
	return id, ok
}

// NewContext returns a context with an identity.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// checkUser returns an error for an identity that could be mistaken for another, in
// Kubernetes or by a person who reads it.
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
