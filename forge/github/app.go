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

// Opener opens clients, and keeps the tokens of GitHub Apps between them: one lasts
// an hour, and is fetched anew a minute before its end. The zero value is ready.
type Opener struct {
	mu            sync.Mutex
	installations map[[sha256.Size]byte]*installation
}

// installation is a GitHub App in an account, as far as one repository goes. It
// sends requests with a token of that, which may do nothing but write commit
// statuses of the one repository.
type installation struct {
	repository forge.Repository
	apps       *ghinstallation.AppsTransport
	timeout    time.Duration
	forget     func()

	mu    sync.Mutex
	id    int64
	token *ghinstallation.Transport
}

// installationOf is the one that was made before of the same credentials, if any.
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

// apiOf is where tokens come from.
func apiOf(config forge.Config) string {
	switch {
	case config.App.BaseURL != "":
		return strings.TrimSuffix(config.App.BaseURL, "/")
	case public(config.Repository.Server):
		return publicAPI
	}
	return config.Repository.Server + "/api/v3"
}

// RoundTrip sends a request with a token.
func (i *installation) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := i.find(request.Context())
	if err != nil {
		return nil, err
	}
	return token.RoundTrip(request)
}

// find asks for the installation unless it is known: an App is in an account once.
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
		Permissions:  &sdk.InstallationPermissions{Statuses: sdk.Ptr("write")},
	}
	return i.token, nil
}

// withoutToken says what it means that GitHub gave no token. Its 404 is for an App
// that is not installed there, its 422 for one that may not write statuses, and both
// may mean that there is no such repository.
func withoutToken(err error) error {
	var (
		noToken *ghinstallation.HTTPError
		refused *sdk.ErrorResponse
		answer  *http.Response
	)
	switch {
	case errors.As(err, &noToken) && noToken.Response != nil:
		answer = noToken.Response
		_ = answer.Body.Close() // only its head counts
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
