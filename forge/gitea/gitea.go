// Package gitea reads and writes commit statuses and comments on Gitea and Forgejo.
package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"code.gitea.io/sdk/gitea"

	"github.com/carrel-dev/carrel/forge"
)

// pageSize is Gitea's default for its own MAX_RESPONSE_ITEMS.
const pageSize = 50

type client struct {
	repository forge.Repository
	token      string
	http       *http.Client
}

// Open makes a client for a repository on Gitea or Forgejo. It sends no request.
func Open(config forge.Config) (forge.Client, error) {
	httpClient, err := forge.HTTPClient(config)
	if err != nil {
		return nil, err
	}
	return &client{
		repository: config.Repository,
		token:      config.Token,
		http:       httpClient,
	}, nil
}

// Latest reads the newest statuses first, until it finds the context.
func (c *client) Latest(ctx context.Context, commit, statusContext string) (*forge.Status, error) {
	api, err := c.api(ctx)
	if err != nil {
		return nil, err
	}
	var newest *gitea.Status
	for page := 1; page > 0; {
		rows, response, err := api.ListStatuses(c.repository.Owner, c.repository.Name, commit,
			gitea.ListStatusesOption{ListOptions: gitea.ListOptions{Page: page, PageSize: pageSize}})
		if err != nil {
			return nil, fmt.Errorf("read the statuses of commit %s: %w", commit, classify(response, err))
		}
		for _, row := range rows {
			if row.Context == statusContext && (newest == nil || row.ID > newest.ID) {
				newest = row
			}
		}
		// Rows of one second come in no order, so all of them are read.
		if newest != nil && rows[len(rows)-1].Created.Before(newest.Created) {
			break
		}
		page = response.NextPage
	}
	if newest == nil {
		return nil, nil
	}
	return &forge.Status{
		Context: newest.Context, State: forge.State(newest.State), Description: newest.Description, Target: newest.TargetURL,
	}, nil
}

func (c *client) Post(ctx context.Context, commit string, status forge.Status) error {
	api, err := c.api(ctx)
	if err != nil {
		return err
	}
	_, response, err := api.CreateStatus(c.repository.Owner, c.repository.Name, commit, gitea.CreateStatusOption{
		State:       gitea.StatusState(status.State),
		Description: status.Description,
		Context:     status.Context,
		TargetURL:   status.Target,
	})
	if err == nil {
		return nil
	}
	err = classify(response, err)
	// Gitea answers 500 to a status for a commit that does not exist, as to an error of its
	// own. Reading the commit tells the two apart.
	if response != nil && response.StatusCode == http.StatusInternalServerError {
		if _, readErr := c.Latest(ctx, commit, status.Context); errors.Is(readErr, forge.ErrNotFound) {
			err = readErr
		}
	}
	return fmt.Errorf("post a status on commit %s: %w", commit, err)
}

// api makes a client of the library for one call, because the client holds the call's
// context. With an empty version it sends no request to ask for the version.
func (c *client) api(ctx context.Context) (*gitea.Client, error) {
	api, err := gitea.NewClient(c.repository.Server,
		gitea.SetContext(ctx), gitea.SetHTTPClient(c.http), gitea.SetToken(c.token),
		gitea.SetUserAgent("carrel-reporter"), gitea.SetGiteaVersion(""))
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", c.repository.Server, err)
	}
	return api, nil
}

// classify wraps an error in the error of package forge by which callers decide how to react.
func classify(response *gitea.Response, err error) error {
	if response == nil {
		return &forge.UnavailableError{Err: err}
	}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w: %w", forge.ErrUnauthorized, err)
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w", forge.ErrNotFound, err)
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		return &forge.UnavailableError{RetryAfter: forge.RetryAfter(response.Header), Err: err}
	case code/100 == 2:
		// A 2xx with an error is the page of a proxy, or half an answer.
		return &forge.UnavailableError{Err: err}
	}
	return err
}
