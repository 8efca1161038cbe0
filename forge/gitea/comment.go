package gitea

import (
	"context"
	"fmt"
	"net/http"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/carrel-dev/carrel/forge"
)

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
	api, err := c.api(ctx)
	if err != nil {
		return err
	}
	self, response, err := api.GetMyUserInfo()
	if err != nil {
		return fmt.Errorf("ask whose token it is: %w", classify(response, err))
	}
	found, err := c.comment(api, request, mark, self.ID)
	body := mark.On(text)
	switch {
	case err != nil:
		return err
	case found == nil:
		_, response, err := api.CreateIssueComment(c.repository.Owner, c.repository.Name, request, sdk.CreateIssueCommentOption{Body: body})
		if err != nil {
			return fmt.Errorf("comment on pull request %d: %w", request, classify(response, err))
		}
	case found.Body != body:
		_, response, err := api.EditIssueComment(c.repository.Owner, c.repository.Name, found.ID, sdk.EditIssueCommentOption{Body: body})
		if err != nil {
			return fmt.Errorf("change the comment on pull request %d: %w", request, classify(response, err))
		}
	}
	return nil
}

// comment returns the comment with the mark that the token's owner made; nil if there is
// none. Gitea returns all comments of a request at once.
func (c *client) comment(api *sdk.Client, request int64, mark forge.Mark, self int64) (*sdk.Comment, error) {
	comments, response, err := api.ListIssueComments(c.repository.Owner, c.repository.Name, request, sdk.ListIssueCommentOptions{})
	if err != nil && response != nil && response.StatusCode == http.StatusInternalServerError {
		// Gitea answers 500 for a request that does not exist. Reading the request tells.
		if _, answer, issueErr := api.GetIssue(c.repository.Owner, c.repository.Name, request); issueErr != nil {
			response, err = answer, issueErr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the comments on pull request %d: %w", request, classify(response, err))
	}
	for _, comment := range comments {
		if mark.Marks(comment.Body) && comment.Poster != nil && comment.Poster.ID == self {
			return comment, nil
		}
	}
	return nil, nil
}
