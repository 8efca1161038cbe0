package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v75/github"
	"golang.org/x/oauth2"
)

// publicGitHub is the one server whose API has another host.
const publicGitHub = "https://github.com"

// githubProvider logs people in by OAuth 2, since GitHub has no OpenID Connect.
type githubProvider struct {
	config *GitHubConfig
	secret string
	client *http.Client
}

func newGitHub(c *GitHubConfig, client *http.Client) (*githubProvider, error) {
	secret, err := readSecret(c.ClientSecretFile)
	if err != nil {
		return nil, err
	}
	return &githubProvider{config: c, secret: secret, client: client}, nil
}

func (p *githubProvider) oauth(callback string) *oauth2.Config {
	base := strings.TrimRight(p.config.URL, "/")
	c := &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.secret, RedirectURL: callback,
		Endpoint: oauth2.Endpoint{AuthURL: base + "/login/oauth/authorize", TokenURL: base + "/login/oauth/access_token"},
	}
	if len(p.config.Organisations) > 0 {
		c.Scopes = []string{"read:org"}
	}
	return c
}

func (p *githubProvider) begin(_ context.Context, f flow) (string, error) {
	return p.oauth(f.callback).AuthCodeURL(f.state, oauth2.S256ChallengeOption(f.verifier)), nil
}

func (p *githubProvider) finish(ctx context.Context, f flow, code string) (Identity, string, error) {
	ctx = withClient(ctx, p.client)
	token, err := p.oauth(f.callback).Exchange(ctx, code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		return Identity{}, "", fmt.Errorf("exchange the code at %s: %w", p.config.URL, err)
	}
	id, err := p.identify(ctx, token)
	// GitHub gives no refresh token, but its access token is good until the user or an
	// organisation takes it back.
	return id, token.AccessToken, err
}

// identify asks who a token was given for. If the token is no longer good, the error says
// so as that of a refresh token would.
func (p *githubProvider) identify(ctx context.Context, token *oauth2.Token) (Identity, error) {
	api, err := p.api(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	user, answer, err := api.Users.Get(ctx, "")
	if err != nil {
		if answer != nil && answer.StatusCode == http.StatusUnauthorized {
			err = &oauth2.RetrieveError{Response: answer.Response, ErrorCode: "invalid_grant"}
		}
		return Identity{}, fmt.Errorf("ask %s who the user is: %w", p.config.URL, err)
	}
	id := Identity{User: user.GetLogin(), Name: user.GetName()}
	id.Groups, err = p.groups(ctx, api)
	return id, err
}

func (p *githubProvider) api(ctx context.Context, token *oauth2.Token) (*github.Client, error) {
	api := github.NewClient(oauth2.NewClient(ctx, oauth2.StaticTokenSource(token)))
	if strings.TrimRight(p.config.URL, "/") == publicGitHub {
		return api, nil
	}
	base, err := url.Parse(strings.TrimRight(p.config.URL, "/") + "/api/v3/")
	if err != nil {
		return nil, err
	}
	api.BaseURL = base
	return api, nil
}

// groups returns the configured organisations of which the user is a member.
func (p *githubProvider) groups(ctx context.Context, api *github.Client) ([]string, error) {
	if len(p.config.Organisations) == 0 {
		return nil, nil
	}
	var groups []string
	options := &github.ListOptions{PerPage: 100}
	for {
		organisations, answer, err := api.Organizations.List(ctx, "", options)
		if err != nil {
			return nil, fmt.Errorf("ask %s for the user's organisations: %w", p.config.URL, err)
		}
		for _, o := range organisations {
			for _, known := range p.config.Organisations {
				if known.ID == o.GetID() {
					groups = append(groups, known.Name)
				}
			}
		}
		if answer.NextPage == 0 {
			return groups, nil
		}
		options.Page = answer.NextPage
	}
}

func (p *githubProvider) refresh(ctx context.Context, token string) (Identity, string, error) {
	id, err := p.identify(withClient(ctx, p.client), &oauth2.Token{AccessToken: token})
	return id, "", err
}

func (p *githubProvider) logout(context.Context, string) string { return "" }
