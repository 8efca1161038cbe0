package gitea

import (
	"context"
	"fmt"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/carrel-dev/carrel/forge"
)

// maxPages bounds the pages of commits that Between reads. Commits of merged branches are
// listed among those of the main branch.
const maxPages = 3

// Between implements forge.History. It reads another page only if base is not yet found.
func (c *client) Between(ctx context.Context, base, head string) ([]string, error) {
	api, err := c.api(ctx)
	if err != nil {
		return nil, err
	}
	parents := map[string]string{}
	for page := 1; ; page++ {
		rows, response, err := api.ListRepoCommits(c.repository.Owner, c.repository.Name,
			sdk.ListCommitOptions{SHA: head, ListOptions: sdk.ListOptions{Page: page, PageSize: pageSize}})
		if err != nil {
			return nil, fmt.Errorf("list the commits before %s: %w", head, classify(response, err))
		}
		for _, row := range rows {
			parents[row.SHA] = ""
			if len(row.Parents) > 0 {
				parents[row.SHA] = row.Parents[0].SHA
			}
		}
		passed, err := forge.FirstParents(parents, base, head)
		if err == nil || page == maxPages || len(rows) < pageSize {
			return passed, err
		}
	}
}

// Changed implements forge.History. Gitea lists a renamed file as one removed and one added.
func (c *client) Changed(ctx context.Context, commit string) ([]string, error) {
	api, err := c.api(ctx)
	if err != nil {
		return nil, err
	}
	row, response, err := api.GetSingleCommit(c.repository.Owner, c.repository.Name, commit)
	if err != nil {
		return nil, fmt.Errorf("read the files of commit %s: %w", commit, classify(response, err))
	}
	paths := make([]string, 0, len(row.Files))
	for _, file := range row.Files {
		paths = append(paths, file.Filename)
	}
	return paths, nil
}

// Content implements forge.History.
func (c *client) Content(ctx context.Context, commit, path string) ([]byte, error) {
	api, err := c.api(ctx)
	if err != nil {
		return nil, err
	}
	content, response, err := api.GetFile(c.repository.Owner, c.repository.Name, commit, path)
	if err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, commit, classify(response, err))
	}
	return content, nil
}
