package tree

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

// Cures for clones that lack objects.
const (
	shallowCure = "this clone holds only part of the history: git fetch --unshallow, and git fetch origin BRANCH:BRANCH for a branch that is not in it"
	maxBranches = 8
)

// errPartial is returned for a file that a partial clone did not fetch.
var errPartial = errors.New("this clone was made with --filter and lacks the file: git fetch --refetch --no-filter, or clone without --filter")

// Resolve returns the commit that a revision names: a branch, a tag, HEAD~3 or a hash.
// Its error names the branches that exist, and says if the clone lacks commits.
func Resolve(repository *git.Repository, revision string) (plumbing.Hash, error) {
	hash, err := repository.ResolveRevision(plumbing.Revision(revision))
	if err == nil {
		if _, err = repository.CommitObject(*hash); err == nil {
			return *hash, nil
		}
	}
	if !errors.Is(err, plumbing.ErrReferenceNotFound) && !errors.Is(err, plumbing.ErrObjectNotFound) {
		return plumbing.ZeroHash, fmt.Errorf("find the revision %q: %w", revision, err)
	}
	names := branches(repository)
	switch {
	case Shallow(repository):
		return plumbing.ZeroHash, fmt.Errorf("there is no branch, tag or commit called %q (%w); %s", revision, err, shallowCure)
	case len(names) == 0:
		return plumbing.ZeroHash, fmt.Errorf("there is no branch, tag or commit called %q (%w); the repository has no commit yet: commit the courses first", revision, err)
	case slices.Contains(names, "origin/"+revision):
		return plumbing.ZeroHash, fmt.Errorf("there is no branch, tag or commit called %q (%w): name the remote's branch, origin/%s", revision, err, revision)
	default:
		return plumbing.ZeroHash, fmt.Errorf("there is no branch, tag or commit called %q; there are the branches %s (%w): name one of them, or fetch it", revision, list(names), err)
	}
}

func list(names []string) string {
	text := strings.Join(names[:min(len(names), maxBranches)], ", ")
	if more := len(names) - maxBranches; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// branches returns the names of the branches, and of those of remotes, sorted.
func branches(repository *git.Repository) (names []string) {
	references, err := repository.References()
	if err != nil {
		return nil
	}
	_ = references.ForEach(func(r *plumbing.Reference) error { // do returns no error
		if r.Type() == plumbing.HashReference && (r.Name().IsBranch() || r.Name().IsRemote()) {
			names = append(names, r.Name().Short())
		}
		return nil
	})
	slices.Sort(names)
	return names
}

// Shallow reports whether the clone holds only part of the history.
func Shallow(repository *git.Repository) bool {
	edges, err := repository.Storer.Shallow()
	return err == nil && len(edges) > 0
}
