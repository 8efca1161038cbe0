package gitlab

import (
	"context"
	"fmt"

	sdk "gitlab.com/gitlab-org/api/client-go"

	"github.com/carrel-dev/carrel/forge"
)

// maxFilePages bounds the pages of files that are read of one commit.
const maxFilePages = 10

// Between implements forge.History with one request.
func (c *client) Between(ctx context.Context, base, head string) ([]string, error) {
	rows, response, err := c.api.Commits.ListCommits(c.project, &sdk.ListCommitsOptions{
		RefName: &head, FirstParent: sdk.Ptr(true), ListOptions: sdk.ListOptions{PerPage: pageSize},
	}, sdk.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("list the commits before %s: %w", head, classify(response, err))
	}
	parents := map[string]string{}
	for _, row := range rows {
		parents[row.ID] = ""
		if len(row.ParentIDs) > 0 {
			parents[row.ID] = row.ParentIDs[0]
		}
	}
	return forge.FirstParents(parents, base, head)
}

// Changed implements forge.History.
func (c *client) Changed(ctx context.Context, commit string) ([]string, error) {
	options := &sdk.GetCommitDiffOptions{ListOptions: sdk.ListOptions{PerPage: pageSize, Page: 1}}
	var paths []string
	for options.Page > 0 && options.Page <= maxFilePages {
		rows, response, err := c.api.Commits.GetCommitDiff(c.project, commit, options, sdk.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read the files of commit %s: %w", commit, classify(response, err))
		}
		for _, row := range rows {
			paths = append(paths, row.NewPath)
			if row.OldPath != row.NewPath {
				paths = append(paths, row.OldPath)
			}
		}
		options.Page = response.NextPage
	}
	return paths, nil
}

// Content implements forge.History.
func (c *client) Content(ctx context.Context, commit, path string) ([]byte, error) {
	content, response, err := c.api.RepositoryFiles.GetRawFile(c.project, path, &sdk.GetRawFileOptions{Ref: &commit}, sdk.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, commit, classify(response, err))
	}
	return content, nil
}
