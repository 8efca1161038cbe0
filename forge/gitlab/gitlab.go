// Package gitlab keeps commit statuses on GitLab.
package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	sdk "gitlab.com/gitlab-org/api/client-go"

	"github.com/carrel-dev/carrel/forge"
)

// pageSize is the most that GitLab gives at once.
const pageSize = 100

type client struct {
	// project is the whole path of the repository: groups, sub-groups, name.
	project string
	// branch is the ref of the statuses; may be empty.
	branch string
	api    *sdk.Client
}

// Open makes a client for a project of a GitLab. It sends nothing.
//
// Everything after the host is taken for the project's path, since groups nest:
// a GitLab that is itself mounted below a path is not supported, as in Flux.
func Open(config forge.Config) (forge.Client, error) {
	httpClient, err := forge.HTTPClient(config)
	if err != nil {
		return nil, err
	}
	server, err := url.Parse(config.Repository.Server)
	if err != nil {
		return nil, fmt.Errorf("address of the GitLab: %w", err)
	}
	project := strings.Trim(server.Path+"/"+config.Repository.Owner+"/"+config.Repository.Name, "/")
	server.Path = ""
	// The reporter spaces its tries itself, and for all courses of a forge alike.
	api, err := sdk.NewClient(config.Token, sdk.WithBaseURL(server.String()), sdk.WithHTTPClient(httpClient),
		sdk.WithoutRetries(), sdk.WithUserAgent("carrel-reporter"))
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", server, err)
	}
	return &client{project: project, branch: config.Branch, api: api}, nil
}

// Latest looks at all rows of the name, for there is one in each pipeline.
func (c *client) Latest(ctx context.Context, commit, statusContext string) (*forge.Status, error) {
	options := &sdk.GetCommitStatusesOptions{
		Name: &statusContext, All: sdk.Ptr(true), ListOptions: sdk.ListOptions{PerPage: pageSize, Page: 1},
	}
	var newest *sdk.CommitStatus
	for options.Page > 0 {
		rows, response, err := c.api.Commits.GetCommitStatuses(c.project, commit, options, sdk.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read the statuses of commit %s: %w", commit, meaning(response, err))
		}
		for _, row := range rows {
			if row.Name == statusContext && (newest == nil || row.ID > newest.ID) {
				newest = row
			}
		}
		options.Page = response.NextPage
	}
	if newest == nil {
		return nil, nil
	}
	return &forge.Status{
		Context: newest.Name, State: stateOf(newest.Status), Description: newest.Description, Target: newest.TargetURL,
	}, nil
}

// Post takes a refused change of state for done when the commit shows that state:
// GitLab lets nothing go from pending to pending, not even for a new description.
func (c *client) Post(ctx context.Context, commit string, status forge.Status) error {
	_, response, err := c.api.Commits.SetCommitStatus(c.project, commit, c.options(status), sdk.WithContext(ctx))
	if err == nil {
		return nil
	}
	if transitionRefused(response, err) {
		latest, lookErr := c.Latest(ctx, commit, status.Context)
		if lookErr != nil {
			return lookErr
		}
		if latest != nil && latest.State == status.State {
			return nil
		}
		// Somebody else changed it in between; the next try meets another state.
		err = &forge.UnavailableError{Err: err}
	} else {
		err = meaning(response, err)
	}
	return fmt.Errorf("post a status on commit %s: %w", commit, err)
}

func (c *client) options(status forge.Status) *sdk.SetCommitStatusOptions {
	options := &sdk.SetCommitStatusOptions{State: wordFor(status.State), Name: &status.Context, Description: &status.Description}
	if status.Target != "" {
		options.TargetURL = &status.Target
	}
	// Without a ref GitLab takes any branch that holds the commit, and so maybe the
	// pipeline of a merge request that is closed by now.
	if c.branch != "" {
		options.Ref = &c.branch
	}
	return options
}

func wordFor(state forge.State) sdk.BuildStateValue {
	return map[forge.State]sdk.BuildStateValue{
		forge.Pending: sdk.Pending, forge.Success: sdk.Success, forge.Failure: sdk.Failed,
	}[state]
}

// stateOf also knows the words that others may have put there.
func stateOf(word string) forge.State {
	switch sdk.BuildStateValue(word) {
	case sdk.Success:
		return forge.Success
	case sdk.Failed, sdk.Canceled:
		return forge.Failure
	}
	return forge.Pending
}

func transitionRefused(response *sdk.Response, err error) bool {
	return response != nil && response.StatusCode == http.StatusBadRequest &&
		strings.Contains(err.Error(), "Cannot transition status")
}

// meaning sorts an error by what is to be done about it. A 422, such as that a
// pipeline holds as many jobs as it may, stays a plain refusal.
func meaning(response *sdk.Response, err error) error {
	if response == nil {
		return &forge.UnavailableError{Err: err}
	}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w: %w", forge.ErrUnauthorized, err)
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w", forge.ErrNotFound, err)
	case code == http.StatusTooManyRequests:
		after := forge.RetryAfter(response.Header)
		if after == 0 {
			after = forge.UntilReset(response.Header, "RateLimit-Reset")
		}
		return &forge.UnavailableError{RetryAfter: after, Err: err}
	case code == http.StatusConflict || code >= http.StatusInternalServerError || code/100 == 2:
		// 409: another request holds the commit's lock. A 2xx with an error is a
		// proxy's page, or half an answer.
		return &forge.UnavailableError{Err: err}
	}
	return err
}
