package github

import (
	"context"
	"fmt"

	sdk "github.com/google/go-github/v75/github"

	"github.com/carrel-dev/carrel/forge"
)

// maxFilePages bounds the pages of files that are read of one commit. GitHub returns at most
// 3,000 files.
const maxFilePages = 10

// Between implements forge.History with one request.
func (c *client) Between(ctx context.Context, base, head string) ([]string, error) {
	rows, response, err := c.api.Repositories.ListCommits(ctx, c.repository.Owner, c.repository.Name,
		&sdk.CommitsListOptions{SHA: head, ListOptions: sdk.ListOptions{PerPage: pageSize}})
	if err != nil {
		return nil, fmt.Errorf("list the commits before %s: %w", head, c.classify(response, err))
	}
	parents := map[string]string{}
	for _, row := range rows {
		parents[row.GetSHA()] = ""
		if len(row.Parents) > 0 {
			parents[row.GetSHA()] = row.Parents[0].GetSHA()
		}
	}
	return forge.FirstParents(parents, base, head)
}

// Changed implements forge.History.
func (c *client) Changed(ctx context.Context, commit string) ([]string, error) {
	var paths []string
	for page := 1; page > 0 && page <= maxFilePages; {
		row, response, err := c.api.Repositories.GetCommit(ctx, c.repository.Owner, c.repository.Name, commit,
			&sdk.ListOptions{Page: page, PerPage: pageSize})
		if err != nil {
			return nil, fmt.Errorf("read the files of commit %s: %w", commit, c.classify(response, err))
		}
		for _, file := range row.Files {
			paths = append(paths, file.GetFilename())
			if before := file.GetPreviousFilename(); before != "" {
				paths = append(paths, before)
			}
		}
		page = response.NextPage
	}
	return paths, nil
}

// Content implements forge.History.
func (c *client) Content(ctx context.Context, commit, path string) ([]byte, error) {
	file, _, response, err := c.api.Repositories.GetContents(ctx, c.repository.Owner, c.repository.Name, path,
		&sdk.RepositoryContentGetOptions{Ref: commit})
	if err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, commit, c.classify(response, err))
	}
	if file == nil {
		return nil, fmt.Errorf("%w: %s of commit %s is a directory", forge.ErrNotFound, path, commit)
	}
	text, err := file.GetContent()
	return []byte(text), err
}
