package github

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	sdk "github.com/google/go-github/v75/github"

	"github.com/carrel-dev/carrel/forge"
)

const publicAPI = "https://api.github.com"

// Opener opens clients. They share the tokens of GitHub Apps, which last an hour and are
// fetched again a minute before their end. The zero value is ready to use.
type Opener struct {
	mu            sync.Mutex
	installations map[[sha256.Size]byte]*installation
}

// installation is a GitHub App in an account. It is an http.RoundTripper that adds a token
// of the App. The token may write commit statuses of one repository, and nothing else.
type installation struct {
	repository forge.Repository
	apps       *ghinstallation.AppsTransport
	timeout    time.Duration
	forget     func()

	mu    sync.Mutex
	id    int64
	token *ghinstallation.Transport
}

// installationOf returns the installation for the credentials. Clients with the same
// credentials share it.
func (o *Opener) installationOf(config forge.Config, httpClient *http.Client) (*installation, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%+v\n%+v\n%s", config.Repository, *config.App, config.CA))
	o.mu.Lock()
	defer o.mu.Unlock()
	if known := o.installations[key]; known != nil {
		return known, nil
	}
	apps, err := ghinstallation.NewAppsTransport(httpClient.Transport, config.App.ID, config.App.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("private key of GitHub App %d: %w", config.App.ID, err)
	}
	apps.BaseURL = apiOf(config)
	made := &installation{repository: config.Repository, apps: apps, timeout: httpClient.Timeout, id: config.App.InstallationID}
	made.forget = func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.installations[key] == made {
			delete(o.installations, key)
		}
	}
	if o.installations == nil {
		o.installations = map[[sha256.Size]byte]*installation{}
	}
	o.installations[key] = made
	return made, nil
}

// apiOf returns the address of the API that gives tokens.
func apiOf(config forge.Config) string {
	switch {
	case config.App.BaseURL != "":
		return strings.TrimSuffix(config.App.BaseURL, "/")
	case public(config.Repository.Server):
		return publicAPI
	}
	return config.Repository.Server + "/api/v3"
}

// RoundTrip implements http.RoundTripper.
func (i *installation) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := i.find(request.Context())
	if err != nil {
		return nil, err
	}
	return token.RoundTrip(request)
}

// find returns the transport with the token. It asks the forge for the installation if that
// is not known; an account has an App once.
func (i *installation) find(ctx context.Context) (*ghinstallation.Transport, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token != nil {
		return i.token, nil
	}
	if i.id == 0 {
		api, err := sdk.NewClient(&http.Client{Transport: i.apps, Timeout: i.timeout}).WithEnterpriseURLs(i.apps.BaseURL, i.apps.BaseURL)
		if err != nil {
			return nil, fmt.Errorf("make a client for %s: %w", i.apps.BaseURL, err)
		}
		found, _, err := api.Apps.FindRepositoryInstallation(ctx, i.repository.Owner, i.repository.Name)
		if err != nil {
			return nil, fmt.Errorf("look for the installation of GitHub App %d: %w", i.apps.AppID(), err)
		}
		i.id = found.GetID()
	}
	i.token = ghinstallation.NewFromAppsTransport(i.apps, i.id)
	i.token.InstallationTokenOptions = &sdk.InstallationTokenOptions{
		Repositories: []string{i.repository.Name},
		Permissions:  &sdk.InstallationPermissions{Statuses: sdk.Ptr("write"), Contents: sdk.Ptr("read")},
	}
	return i.token, nil
}

// withoutToken classifies an error when GitHub gave no token. It answers 404 for an
// App that is not installed there, and 422 for one that may not write statuses. Both may
// also mean that the repository does not exist.
func withoutToken(err error) error {
	var (
		noToken *ghinstallation.HTTPError
		refused *sdk.ErrorResponse
		answer  *http.Response
	)
	switch {
	case errors.As(err, &noToken) && noToken.Response != nil:
		answer = noToken.Response
		_ = answer.Body.Close() // its status is enough
	case errors.As(err, &refused):
		answer = refused.Response
	default:
		return &forge.UnavailableError{Err: err}
	}
	if wait, limited := limit(&sdk.Response{Response: answer}, err); limited {
		return &forge.UnavailableError{RetryAfter: wait, Err: err}
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: %w", forge.ErrUnauthorized, err)
	case http.StatusNotFound, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w, or %w: %w", forge.ErrUnauthorized, forge.ErrNotFound, err)
	}
	return &forge.UnavailableError{Err: err}
}
