package forge

import (
	"context"
	"fmt"
)

// MaxBetween is the largest number of commits that Between looks back.
const MaxBetween = 50

// History reads what the commits of a repository changed. Its errors are those of Client.
type History interface {
	// Between returns the commits after base up to head along first parents, newest first.
	// It returns ErrNotFound if base is not among the last MaxBetween commits, for instance
	// after a force-push.
	Between(ctx context.Context, base, head string) ([]string, error)

	// Changed returns the paths of the files that a commit changed against its first
	// parent. A renamed file has both of its paths.
	Changed(ctx context.Context, commit string) ([]string, error)

	// Content returns a file as it is in a commit. It returns ErrNotFound if there is no
	// such file.
	Content(ctx context.Context, commit, path string) ([]byte, error)
}

// FirstParents walks from head to base along first parents and returns what it passed
// without base, newest first. The map has the first parent of each commit that the forge
// listed. It returns ErrNotFound if base is further away than MaxBetween.
func FirstParents(parents map[string]string, base, head string) ([]string, error) {
	var passed []string
	for commit := head; commit != base; commit = parents[commit] {
		if _, listed := parents[commit]; !listed || len(passed) == MaxBetween {
			return nil, fmt.Errorf("%w: commit %s is not among the last %d before %s", ErrNotFound, base, MaxBetween, head)
		}
		passed = append(passed, commit)
	}
	return passed, nil
}
