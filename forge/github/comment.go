package github

import (
	"context"
	"fmt"
	"net/http"

	sdk "github.com/google/go-github/v75/github"

	"github.com/carrel-dev/carrel/forge"
)

// actionsUser is the owner of the token of a GitHub Actions run. With this token one may not
// ask for the owner.
const actionsUser = "github-actions[bot]"

// OpenComments makes a client for the comments on pull requests. It sends no request.
func OpenComments(config forge.Config) (forge.Comments, error) {
	c, err := Open(config)
	if err != nil {
		return nil, err
	}
	return c.(*client), nil
}

// Keep implements forge.Comments.
func (c *client) Keep(ctx context.Context, request int64, mark forge.Mark, text string) error {
	self, err := c.self(ctx)
	if err != nil {
		return err
	}
	found, err := c.comment(ctx, int(request), mark, self)
	body := mark.On(text)
	switch {
	case err != nil:
		return err
	case found == nil:
		_, response, err := c.api.Issues.CreateComment(ctx, c.repository.Owner, c.repository.Name, int(request), &sdk.IssueComment{Body: &body})
		if err != nil {
			return fmt.Errorf("comment on pull request %d: %w", request, classify(response, err))
		}
	case found.GetBody() != body:
		_, response, err := c.api.Issues.EditComment(ctx, c.repository.Owner, c.repository.Name, found.GetID(), &sdk.IssueComment{Body: &body})
		if err != nil {
			return fmt.Errorf("change the comment on pull request %d: %w", request, classify(response, err))
		}
	}
	return nil
}

// self returns the login of the token's owner.
func (c *client) self(ctx context.Context) (string, error) {
	user, response, err := c.api.Users.Get(ctx, "")
	switch {
	case err == nil:
		return user.GetLogin(), nil
	case response != nil && response.StatusCode == http.StatusForbidden:
		return actionsUser, nil
	}
	return "", fmt.Errorf("ask whose token it is: %w", classify(response, err))
}

// comment returns the comment with the mark that the token's owner made; nil if there is
// none.
func (c *client) comment(ctx context.Context, request int, mark forge.Mark, self string) (*sdk.IssueComment, error) {
	options := &sdk.IssueListCommentsOptions{ListOptions: sdk.ListOptions{Page: 1, PerPage: pageSize}}
	for options.Page > 0 {
		comments, response, err := c.api.Issues.ListComments(ctx, c.repository.Owner, c.repository.Name, request, options)
		if err != nil {
			return nil, fmt.Errorf("read the comments on pull request %d: %w", request, classify(response, err))
		}
		for _, comment := range comments {
			if mark.Marks(comment.GetBody()) && comment.GetUser().GetLogin() == self {
				return comment, nil
			}
		}
		options.Page = response.NextPage
	}
	return nil, nil
}
