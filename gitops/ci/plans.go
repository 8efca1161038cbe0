package ci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Merge is a merge request as far as git has it.
type Merge struct {
	repository *git.Repository
	// base and head are the revisions that are merged, as they were named.
	base, head string
	// Before is the tree of the target as it is now, and After what merging makes.
	Before, After *tree.Tree
}

// Open reads the target and the branch, and merges the two in memory. It fails with
// a *tree.ConflictError if git could not merge them.
func Open(repository *git.Repository, base, head string) (*Merge, error) {
	fork, err := MergeBase(repository, base, head)
	if err != nil {
		return nil, err
	}
	m := &Merge{repository: repository, base: base, head: head}
	if m.Before, err = treeAt(repository, base); err != nil {
		return nil, err
	}
	m.After, err = tree.Merge(repository, fork, base, head)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w: %w", err, ErrShallow)
	}
	return m, err
}

// treeAt returns the tree of a revision.
func treeAt(repository *git.Repository, revision string) (*tree.Tree, error) {
	found, _, err := tree.At(repository, revision)
	return found, err
}

// Plans returns plans for the courses of a cluster that merging changes.
func (m *Merge) Plans(ctx context.Context, cluster string, now time.Time) ([]plan.Plan, error) {
	cluster, err := onlyCluster(cluster, class.Clusters(m.Before, m.After))
	if err != nil {
		return nil, err
	}
	before, after, err := class.Changed(ctx, m.Before, m.After, cluster)
	if err != nil {
		return nil, err
	}
	plans := []plan.Plan{}
	for _, course := range courseNames(before, after) {
		p := plan.Compare(course, plan.Class{Class: before[course]}, plan.Class{Class: after[course]}, now)
		if p, err = lookingBack(ctx, m.repository, m.base, cluster, plan.Class{Class: before[course]}, plan.Class{Class: after[course]}, p, now); err != nil {
			return nil, err
		}
		if p.Changes() {
			plans = append(plans, p)
		}
	}
	return plans, nil
}

// courseNames returns the sorted names of the courses in either map.
func courseNames(before, after map[string]class.Class) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	return slices.Sorted(maps.Keys(all))
}

// lookingBack returns the plan of a change in the light of the commits before it: a
// removal as the guard judges it after those of the last days, and the kept work of
// students who are added.
func lookingBack(ctx context.Context, repository *git.Repository, base, cluster string, before, after plan.Class, p plan.Plan, now time.Time) (_ plan.Plan, err error) {
	if p.Counted == nil && len(p.Added) == 0 {
		return p, nil
	}
	if p.Counted != nil {
		if before.Past, err = pastOf(ctx, repository, base, cluster, p.Course, before.Class, now); err != nil {
			return p, fmt.Errorf("read the last days of course %s: %w", p.Course, err)
		}
	}
	if len(p.Added) > 0 {
		if before.Left, err = leftOf(ctx, repository, base, p.Course, now, slices.Concat(before.Templates, after.Templates)...); err != nil {
			return p, err
		}
	}
	return plan.Compare(p.Course, before, after, now), nil
}

// onlyCluster returns the named cluster, or the only one if named is empty.
func onlyCluster(named string, all []string) (string, error) {
	switch {
	case named != "" && !slices.Contains(all, named):
		return "", fmt.Errorf("--cluster %s: there is no such directory in clusters; there are %v", named, all)
	case named != "":
		return named, nil
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return "", errors.New("there is no clusters/<name>/flux-system in the two commits: is this the repository of the courses?")
	default:
		return "", fmt.Errorf("name a cluster, such as --cluster=%s: there are %s", all[0], strings.Join(all, ", "))
	}
}

// Target returns the commit into which a request is merged now: the target branch as
// this clone has it, if it holds the base that the pipeline names, and else that base.
// Pipelines name the target as it was when they were started, or the merge base.
func Target(repository *git.Repository, base, branch string) string {
	if branch == "" {
		return base
	}
	tip, err := commitOf(repository, "refs/remotes/origin/"+branch)
	if err != nil {
		return base
	}
	named, err := commitOf(repository, base)
	if err != nil {
		return base
	}
	if within, err := named.IsAncestor(tip); err != nil || !within {
		return base
	}
	return tip.Hash.String()
}
