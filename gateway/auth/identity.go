// Package auth says who somebody is.
package auth

import "context"

// Identity is who somebody is.
type Identity struct {
	User, Name, Provider string
	Groups               []string
	Claims               map[string][]string
}

type key struct{}

// FromContext is the identity RequireLogin found.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(key{}).(Identity)
	return id, ok
}

// NewContext is a context with an identity.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, key{}, id)
}
