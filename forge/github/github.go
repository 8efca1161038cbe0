// Package github reads and writes commit statuses and comments on GitHub and GitHub
// Enterprise Server.
package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/google/go-github/v75/github"

	"github.com/carrel-dev/carrel/forge"
)

const (
	// pageSize is the largest page that GitHub returns.
	pageSize = 100
	// unnamedWait is the time that GitHub's documentation asks a client to wait if GitHub
	// limits it without a Retry-After.
	unnamedWait = time.Minute
)

type client struct {
	repository forge.Repository
	api        *sdk.Client
	// forget drops the cached installation of a GitHub App; nil without an App.
	forget func()
}

// Open makes a client with an Opener of its own.
func Open(config forge.Config) (forge.Client, error) { return new(Opener).Open(config) }

// Open makes a client for a repository on GitHub, or on a GitHub Enterprise Server if its
// address is not github.com. It sends no request.
func (o *Opener) Open(config forge.Config) (forge.Client, error) {
	httpClient, err := forge.HTTPClient(config)
	if err != nil {
		return nil, err
	}
	var forget func()
	if config.App != nil && config.Token == "" {
		app, err := o.installationOf(config, httpClient)
		if err != nil {
			return nil, err
		}
		httpClient.Transport, forget = app, app.forget
	}
	api := sdk.NewClient(httpClient)
	if forget == nil {
		api = api.WithAuthToken(config.Token)
	}
	api.UserAgent = "carrel-reporter"
	if server := config.Repository.Server; !public(server) {
		if api, err = api.WithEnterpriseURLs(server, server); err != nil {
			return nil, fmt.Errorf("make a client for %s: %w", server, err)
		}
	}
	return &client{repository: config.Repository, api: api, forget: forget}, nil
}

// public reports whether a server is github.com, whose API has another host.
func public(server string) bool {
	u, err := url.Parse(server)
	return err == nil && strings.EqualFold(u.Hostname(), "github.com")
}

// Latest reads statuses until it finds the context. GitHub lists the newest first.
func (c *client) Latest(ctx context.Context, commit, statusContext string) (*forge.Status, error) {
	for page := 1; page > 0; {
		rows, response, err := c.api.Repositories.ListStatuses(ctx, c.repository.Owner, c.repository.Name, commit,
			&sdk.ListOptions{Page: page, PerPage: pageSize})
		if err != nil {
			return nil, fmt.Errorf("read the statuses of commit %s: %w", commit, c.classify(response, err))
		}
		for _, row := range rows {
			if row.GetContext() == statusContext {
				return &forge.Status{
					Context: row.GetContext(), State: stateOf(row.GetState()), Description: row.GetDescription(), Target: row.GetTargetURL(),
				}, nil
			}
		}
		page = response.NextPage
	}
	return nil, nil
}

// stateOf converts a state of GitHub. It maps the fourth state, which Post never sends, to
// Failure.
func stateOf(state string) forge.State {
	if state == "error" {
		return forge.Failure
	}
	return forge.State(state)
}

func (c *client) Post(ctx context.Context, commit string, status forge.Status) error {
	row := &sdk.RepoStatus{
		State:       sdk.Ptr(string(status.State)),
		Description: &status.Description,
		Context:     &status.Context,
	}
	if status.Target != "" {
		row.TargetURL = &status.Target
	}
	_, response, err := c.api.Repositories.CreateStatus(ctx, c.repository.Owner, c.repository.Name, commit, row)
	if err != nil {
		return fmt.Errorf("post a status on commit %s: %w", commit, c.classify(response, err))
	}
	return nil
}

// classify calls the function of this name. After a refusal it also drops the cached
// installation of the App, which may have been installed again or given other permissions.
func (c *client) classify(response *sdk.Response, err error) error {
	err = classify(response, err)
	if c.forget != nil && errors.Is(err, forge.ErrUnauthorized) {
		c.forget()
	}
	return err
}

// classify wraps an error in the error of package forge by which callers decide how to react.
func classify(response *sdk.Response, err error) error {
	if response == nil {
		return withoutToken(err)
	}
	if wait, limited := limit(response, err); limited {
		return &forge.UnavailableError{RetryAfter: wait, Err: err}
	}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w: %w", forge.ErrUnauthorized, err)
	case code == http.StatusNotFound || code == http.StatusUnprocessableEntity && noCommit(err):
		return fmt.Errorf("%w: %w", forge.ErrNotFound, err)
	case code >= http.StatusInternalServerError || code/100 == 2:
		// A 2xx with an error is the page of a proxy, or half an answer.
		return &forge.UnavailableError{Err: err}
	}
	return err
}

// limit reports whether GitHub limits the client's requests, and returns how long to wait.
// A 403 may mean this, or that the token lacks a permission.
func limit(response *sdk.Response, err error) (wait time.Duration, limited bool) {
	var primary *sdk.RateLimitError
	var secondary *sdk.AbuseRateLimitError
	after := forge.RetryAfter(response.Header)
	switch {
	case errors.As(err, &primary), errors.As(err, &secondary), response.StatusCode == http.StatusTooManyRequests:
	case response.StatusCode == http.StatusForbidden && after > 0:
	default:
		return 0, false
	}
	if after == 0 && response.Header.Get("X-Ratelimit-Remaining") == "0" {
		after = forge.UntilReset(response.Header, "X-Ratelimit-Reset")
	}
	if after == 0 {
		after = unnamedWait
	}
	return after, true
}

// noCommit reports whether an error of status 422 means that a commit does not exist.
func noCommit(err error) bool {
	var refused *sdk.ErrorResponse
	return errors.As(err, &refused) && strings.HasPrefix(refused.Message, "No commit found for SHA")
}
