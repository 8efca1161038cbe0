package gitlab

import (
	"context"
	"fmt"

	sdk "gitlab.com/gitlab-org/api/client-go"

	"github.com/carrel-dev/carrel/forge"
)

// OpenComments makes a client for the notes on merge requests. It sends no request.
func OpenComments(config forge.Config) (forge.Comments, error) {
	c, err := Open(config)
	if err != nil {
		return nil, err
	}
	return c.(*client), nil
}

// Keep implements forge.Comments.
func (c *client) Keep(ctx context.Context, request int64, mark forge.Mark, text string) error {
	self, response, err := c.api.Users.CurrentUser(sdk.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("ask whose token it is: %w", classify(response, err))
	}
	found, err := c.note(ctx, request, mark, self.ID)
	body := mark.On(text)
	switch {
	case err != nil:
		return err
	case found == nil:
		_, response, err := c.api.Notes.CreateMergeRequestNote(c.project, request, &sdk.CreateMergeRequestNoteOptions{Body: &body}, sdk.WithContext(ctx))
		if err != nil {
			return fmt.Errorf("comment on merge request %d: %w", request, classify(response, err))
		}
	case found.Body != body:
		_, response, err := c.api.Notes.UpdateMergeRequestNote(c.project, request, found.ID, &sdk.UpdateMergeRequestNoteOptions{Body: &body}, sdk.WithContext(ctx))
		if err != nil {
			return fmt.Errorf("change the comment on merge request %d: %w", request, classify(response, err))
		}
	}
	return nil
}

// note returns the note with the mark that the token's owner made; nil if there is none.
func (c *client) note(ctx context.Context, request int64, mark forge.Mark, self int64) (*sdk.Note, error) {
	options := &sdk.ListMergeRequestNotesOptions{ListOptions: sdk.ListOptions{PerPage: pageSize, Page: 1}}
	for options.Page > 0 {
		notes, response, err := c.api.Notes.ListMergeRequestNotes(c.project, request, options, sdk.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read the comments on merge request %d: %w", request, classify(response, err))
		}
		for _, note := range notes {
			if mark.Marks(note.Body) && note.Author.ID == self {
				return note, nil
			}
		}
		options.Page = response.NextPage
	}
	return nil, nil
}
