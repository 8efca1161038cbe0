package ci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/carrel-dev/carrel/gitops/class"
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
func pastOf(ctx context.Context, repository *git.Repository, base, cluster, course string, present class.Class, now time.Time) ([]plan.Version, error) {
	commits, err := recent(repository, base, now)
	if err != nil {
		return nil, err
	}
	p := past{repository: repository, cluster: cluster, course: course, commits: commits}
	p.versions = []plan.Version{{Class: present, At: commits[0].Committer.When}}
	oldest := len(commits) - 1
	if err := p.find(ctx, 0, oldest); err != nil {
		return nil, err
	}
	// The oldest version is known to be as old as the oldest commit that was read.
	p.versions[len(p.versions)-1].At = commits[oldest].Committer.When
	slices.Reverse(p.versions)
	return p.versions, nil
}

// recent returns the commits of the last days, newest first, and the one before them.
func recent(repository *git.Repository, base string, now time.Time) ([]*object.Commit, error) {
	hash, err := repository.ResolveRevision(plumbing.Revision(base))
	if err != nil {
		return nil, fmt.Errorf("find commit %s: %w", base, err)
	}
	commit, err := repository.CommitObject(*hash)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", base, err)
	}
	commits := []*object.Commit{commit}
	for len(commits) <= mostPast && !commit.Committer.When.Before(now.AddDate(0, 0, -pastDays)) {
		if commit, err = firstParent(commit); err != nil {
			return nil, err
		}
		if commit == nil {
			break
		}
		commits = append(commits, commit)
	}
	return commits, nil
}

// past finds the commits that changed a course.
type past struct {
	repository      *git.Repository
	cluster, course string
	// commits holds the commits to search, newest first.
	commits []*object.Commit
	// versions holds the versions of the course that were found, newest first. The last
	// one gets its time when an older version is found.
	versions []plan.Version
}

// find appends the versions of the course between two commits. It halves the commits,
// since most change other courses and rendering takes most of the time. A change that
// was taken back in between is not found unless others are.
func (p *past) find(ctx context.Context, newer, older int) error {
	if newer == older {
		return nil
	}
	former, changed, err := formerClass(ctx, p.repository, p.commits[older], p.commits[newer], p.cluster, p.course)
	switch middle := (newer + older) / 2; {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && !changed:
		return nil
	case err != nil && older-newer == 1:
		// What can't be rendered counts as no change: Flux did not apply it either.
		return nil
	case older-newer == 1:
		p.versions[len(p.versions)-1].At = p.commits[newer].Committer.When
		p.versions = append(p.versions, plan.Version{Class: former, At: p.commits[older].Committer.When})
		return nil
	default:
		if err := p.find(ctx, newer, middle); err != nil {
			return err
		}
		return p.find(ctx, middle, older)
	}
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

// formerClass returns a course as it was at a commit if it is another one at a later
// commit.
func formerClass(ctx context.Context, repository *git.Repository, earlier, later *object.Commit, cluster, course string) (former class.Class, changed bool, err error) {
	was, err := treeAt(repository, earlier.Hash.String())
	if err != nil {
		return former, false, err
	}
	is, err := treeAt(repository, later.Hash.String())
	if err != nil {
		return former, false, err
	}
	before, after, err := class.Changed(ctx, was, is, cluster)
	if err != nil {
		return former, false, err
	}
	former, had := before[course]
	_, has := after[course]
	return former, had || has, nil
}
