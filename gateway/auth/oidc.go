package auth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// oidcProvider logs people in by OpenID Connect. It is discovered when it is first
// needed, and not when the gateway starts: without it, carrels still open for people who
// are logged in.
type oidcProvider struct {
	config *OIDCConfig
	secret string
	client *http.Client
	now    func() time.Time
	groups *regexp.Regexp

	found   atomic.Pointer[discovered]
	flights singleflight.Group
}

type discovered struct {
	provider   *oidc.Provider
	endSession string
}

func newOIDC(c *OIDCConfig, client *http.Client, now func() time.Time) (*oidcProvider, error) {
	secret, err := readSecret(c.ClientSecretFile)
	if err != nil {
		return nil, err
	}
	groups, err := groupsPattern(c.KeepGroups)
	if err != nil {
		return nil, err
	}
	return &oidcProvider{config: c, secret: secret, client: client, now: now, groups: groups}, nil
}

// discover returns the provider's metadata, and asks for it if it is not known yet. All
// requests that wait share one try, and each waits no longer than its own context:
// otherwise a provider that does not answer would be tried for one request after another.
func (p *oidcProvider) discover(ctx context.Context) (*discovered, error) {
	if d := p.found.Load(); d != nil {
		return d, nil
	}
	asked := p.flights.DoChan("", func() (any, error) { return p.find(context.WithoutCancel(ctx)) })
	select {
	case answer := <-asked:
		if answer.Err != nil {
			return nil, answer.Err
		}
		return answer.Val.(*discovered), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("find the provider %s: %w", p.config.Issuer, ctx.Err())
	}
}

// find reads the provider's metadata. The client's timeout bounds it.
func (p *oidcProvider) find(ctx context.Context) (*discovered, error) {
	// The provider keeps the client of this context to fetch its keys, but does not end
	// with the context.
	provider, err := oidc.NewProvider(withClient(ctx, p.client), p.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("find the provider %s: %w", p.config.Issuer, err)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("read what the provider %s says of itself: %w", p.config.Issuer, err)
	}
	d := &discovered{provider: provider, endSession: more.EndSession}
	p.found.Store(d)
	return d, nil
}

func (p *oidcProvider) oauth(d *discovered, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.secret, RedirectURL: callback,
		Endpoint: d.provider.Endpoint(), Scopes: append([]string{oidc.ScopeOpenID}, p.config.Scopes...),
	}
}

func (p *oidcProvider) begin(ctx context.Context, f flow) (string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return p.oauth(d, f.callback).AuthCodeURL(f.state, oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)), nil
}

func (p *oidcProvider) finish(ctx context.Context, f flow, code string) (Identity, string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Identity{}, "", err
	}
	token, err := p.oauth(d, f.callback).Exchange(withClient(ctx, p.client), code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		return Identity{}, "", fmt.Errorf("exchange the code at %s: %w", p.config.Issuer, err)
	}
	id, err := p.identify(ctx, d, token, f.nonce)
	return id, token.RefreshToken, err
}

func (p *oidcProvider) refresh(ctx context.Context, old string) (Identity, string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Identity{}, "", err
	}
	ctx = withClient(ctx, p.client)
	token, err := p.oauth(d, "").TokenSource(ctx, &oauth2.Token{RefreshToken: old}).Token()
	if err != nil {
		return Identity{}, "", fmt.Errorf("refresh the login at %s: %w", p.config.Issuer, err)
	}
	id, err := p.identify(ctx, d, token, "")
	return id, token.RefreshToken, err
}

// identify reads the identity from the ID token, and from the userinfo endpoint if the
// token does not name the user. An answer to a refresh may have no ID token.
func (p *oidcProvider) identify(ctx context.Context, d *discovered, token *oauth2.Token, nonce string) (Identity, error) {
	claims, subject := map[string]any{}, ""
	if raw, ok := token.Extra("id_token").(string); ok {
		verified, err := d.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID, Now: p.now}).Verify(withClient(ctx, p.client), raw)
		if err != nil {
			return Identity{}, fmt.Errorf("check the ID token of %s: %w", p.config.Issuer, err)
		}
		if nonce != "" && subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(nonce)) != 1 {
			return Identity{}, errors.New("the ID token is of another login: its nonce differs")
		}
		if err := verified.Claims(&claims); err != nil {
			return Identity{}, fmt.Errorf("read the ID token of %s: %w", p.config.Issuer, err)
		}
		subject = verified.Subject
	} else if nonce != "" {
		return Identity{}, fmt.Errorf("%s answered without an ID token: is it an OpenID Connect provider?", p.config.Issuer)
	}
	if _, there := claims[p.config.UserClaim]; !there {
		if err := p.addUserInfo(ctx, d, token, subject, claims); err != nil {
			return Identity{}, err
		}
	}
	return p.identity(claims)
}

// addUserInfo adds the claims of the userinfo endpoint to those of the ID token. It
// replaces none.
func (p *oidcProvider) addUserInfo(ctx context.Context, d *discovered, token *oauth2.Token, subject string, claims map[string]any) error {
	info, err := d.provider.UserInfo(withClient(ctx, p.client), oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("ask %s who the user is: %w", p.config.Issuer, err)
	}
	if subject != "" && info.Subject != subject {
		return fmt.Errorf("%s speaks of another user than its ID token", p.config.Issuer)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("read what %s says of the user: %w", p.config.Issuer, err)
	}
	for name, value := range more {
		if _, there := claims[name]; !there {
			claims[name] = value
		}
	}
	return nil
}

// identity makes an identity of claims, by the configuration.
func (p *oidcProvider) identity(claims map[string]any) (Identity, error) {
	user, ok := claims[p.config.UserClaim].(string)
	if !ok {
		return Identity{}, fmt.Errorf("%s gives no claim %q: set oidc.userClaim to one it gives, or oidc.scopes to what brings it", p.config.Issuer, p.config.UserClaim)
	}
	if verified, _ := claims["email_verified"].(bool); p.config.UserClaim == "email" && !verified {
		return Identity{}, fmt.Errorf("%s has not verified the e-mail address %q", p.config.Issuer, user)
	}
	name, _ := claims[p.config.NameClaim].(string)
	id := Identity{User: user, Name: name, Groups: keptGroups(texts(claims[p.config.GroupsClaim]), p.groups, "")}
	for _, claim := range p.config.KeepClaims {
		if values := texts(claims[claim]); len(values) > 0 {
			if id.Claims == nil {
				id.Claims = map[string][]string{}
			}
			id.Claims[claim] = values
		}
	}
	return id, nil
}

// texts returns the values of a claim, which may be one value or a list. Values that are
// no text become JSON.
func texts(claim any) []string {
	switch value := claim.(type) {
	case nil:
		return nil
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, one := range value {
			all = append(all, texts(one)...)
		}
		return all
	default:
		text, err := json.Marshal(value)
		if err != nil {
			return nil
		}
		return []string{string(text)}
	}
}

func (p *oidcProvider) logout(ctx context.Context, back string) string {
	d, err := p.discover(ctx)
	if err != nil || d.endSession == "" {
		return ""
	}
	there, err := url.Parse(d.endSession)
	if err != nil {
		return ""
	}
	query := there.Query()
	query.Set("client_id", p.config.ClientID)
	query.Set("post_logout_redirect_uri", back)
	there.RawQuery = query.Encode()
	return there.String()
}
