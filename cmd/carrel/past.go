package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/carrel-dev/carrel/gitops/plan"
)

const (
	// pastDays is for how many days the guard remembers a removal, and the day on
	// which it forgets it.
	pastDays = 8
	// mostPast bounds the commits that are read.
	mostPast = 200
)

// pastOf returns the versions of a course up to base that the guard still counts,
// oldest first: those of the last days, and the one before them. It follows first
// parents, which are what Flux applied. In a shallow clone it ends where that ends.
func pastOf(ctx context.Context, repository *git.Repository, base, cluster, course string, present plan.Class, now time.Time) ([]plan.Version, error) {
	hash, err := repository.ResolveRevision(plumbing.Revision(base))
	if err != nil {
		return nil, fmt.Errorf("find commit %s: %w", base, err)
	}
	commit, err := repository.CommitObject(*hash)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", base, err)
	}
	// The versions are gathered newest first. The time of each is that of the commit
	// which made it, so it is known only once an older one differs.
	versions := []plan.Version{{Class: present, At: commit.Committer.When}}
	for range mostPast {
		if commit.Committer.When.Before(now.AddDate(0, 0, -pastDays)) {
			break
		}
		parent, err := firstParent(commit)
		if err != nil {
			return nil, err
		}
		if parent == nil {
			break
		}
		former, changed, err := formerClass(ctx, repository, parent, commit, cluster, course)
		if err != nil {
			return nil, err
		}
		if changed {
			versions[len(versions)-1].At = commit.Committer.When
			versions = append(versions, plan.Version{Class: former, At: parent.Committer.When})
		}
		commit = parent
	}
	// The oldest one is known to be as old as the oldest commit that was read.
	versions[len(versions)-1].At = commit.Committer.When
	slices.Reverse(versions)
	return versions, nil
}

// firstParent returns the first parent of a commit; nil if it has none, or if the clone
// does not hold it.
func firstParent(commit *object.Commit) (*object.Commit, error) {
	parent, err := commit.Parent(0)
	if errors.Is(err, object.ErrParentNotFound) || errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the parent of commit %s: %w", commit.Hash, err)
	}
	return parent, nil
}

// formerClass returns a course as it was before a commit that changes it. A parent that
// can't be rendered counts as no change: Flux did not apply it either.
func formerClass(ctx context.Context, repository *git.Repository, parent, commit *object.Commit, cluster, course string) (former plan.Class, changed bool, err error) {
	was, err := commitAt(repository, parent.Hash.String())
	if err != nil {
		return former, false, err
	}
	is, err := commitAt(repository, commit.Hash.String())
	if err != nil {
		return former, false, err
	}
	before, after, err := changedClasses(ctx, was, is, cluster)
	if err != nil {
		return former, false, ctx.Err()
	}
	former, had := before[course]
	_, has := after[course]
	return former, had || has, nil
}
