// Package gitlab reads and writes commit statuses and comments on GitLab.
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

// pageSize is the largest page that GitLab returns.
const pageSize = 100

type client struct {
	// project is the full path of the repository: groups, sub-groups and name.
	project string
	// branch is the ref of the statuses; may be empty.
	branch string
	api    *sdk.Client
}

// Open makes a client for a project of a GitLab. It sends no request.
//
// It takes everything after the host for the project's path, since groups nest. So a GitLab
// that is mounted below a path is not supported, as in Flux.
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
	// The reporter has a backoff of its own, which all courses of a forge share.
	api, err := sdk.NewClient(config.Token, sdk.WithBaseURL(server.String()), sdk.WithHTTPClient(httpClient),
		sdk.WithoutRetries(), sdk.WithUserAgent("carrel-reporter"))
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", server, err)
	}
	return &client{project: project, branch: config.Branch, api: api}, nil
}

// Latest reads all rows with the name, since there is one in each pipeline.
func (c *client) Latest(ctx context.Context, commit, statusContext string) (*forge.Status, error) {
	options := &sdk.GetCommitStatusesOptions{
		Name: &statusContext, All: sdk.Ptr(true), ListOptions: sdk.ListOptions{PerPage: pageSize, Page: 1},
	}
	var newest *sdk.CommitStatus
	for options.Page > 0 {
		rows, response, err := c.api.Commits.GetCommitStatuses(c.project, commit, options, sdk.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read the statuses of commit %s: %w", commit, classify(response, err))
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

// Post treats a refused change of state as done if the commit has that state already.
// GitLab refuses a change from pending to pending, even with a new description.
func (c *client) Post(ctx context.Context, commit string, status forge.Status) error {
	_, response, err := c.api.Commits.SetCommitStatus(c.project, commit, c.options(status), sdk.WithContext(ctx))
	if err == nil {
		return nil
	}
	if transitionRefused(response, err) {
		latest, readErr := c.Latest(ctx, commit, status.Context)
		if readErr != nil {
			return readErr
		}
		if latest != nil && latest.State == status.State {
			return nil
		}
		// Another client changed the state in between, so a retry may succeed.
		err = &forge.UnavailableError{Err: err}
	} else {
		err = classify(response, err)
	}
	return fmt.Errorf("post a status on commit %s: %w", commit, err)
}

func (c *client) options(status forge.Status) *sdk.SetCommitStatusOptions {
	options := &sdk.SetCommitStatusOptions{State: valueOf(status.State), Name: &status.Context, Description: &status.Description}
	if status.Target != "" {
		options.TargetURL = &status.Target
	}
	// Without a ref GitLab chooses any branch with the commit, which may be that of a merge
	// request that is closed by now.
	if c.branch != "" {
		options.Ref = &c.branch
	}
	return options
}

func valueOf(state forge.State) sdk.BuildStateValue {
	return map[forge.State]sdk.BuildStateValue{
		forge.Pending: sdk.Pending, forge.Success: sdk.Success, forge.Failure: sdk.Failed,
	}[state]
}

// stateOf converts a state of GitLab, also one that Post never sends.
func stateOf(value string) forge.State {
	switch sdk.BuildStateValue(value) {
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

// classify wraps an error in the error of package forge by which callers decide how to react. A
// 422 is returned as it is: the pipeline may have no room for another job.
func classify(response *sdk.Response, err error) error {
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
		// A 409 means that another request holds the lock of the commit. A 2xx with an error
		// is the page of a proxy, or half an answer.
		return &forge.UnavailableError{Err: err}
	}
	return err
}
