package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// commitAt returns the tree of a revision.
func commitAt(repository *git.Repository, revision string) (*tree.Tree, error) {
	commit, _, err := tree.At(repository, revision)
	if errors.Is(err, plumbing.ErrReferenceNotFound) || errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w: fetch it, or name another%s", err, shallowHint(repository))
	}
	return commit, err
}

// shallowHint returns advice for a clone without all commits, or "" for a complete
// clone.
func shallowHint(repository *git.Repository) string {
	if edges, err := repository.Storer.Shallow(); err != nil || len(edges) == 0 {
		return ""
	}
	return "; this clone holds only part of the history: git fetch --unshallow, and git fetch origin BRANCH:BRANCH for a branch that is not in it"
}

// changedClasses returns the courses of a cluster that differ between two commits,
// as each commit has them. The result may contain other courses too.
func changedClasses(ctx context.Context, before, after *tree.Tree, cluster string) (was, is map[string]plan.Class, err error) {
	var former, present []render.Applied
	switch had, has := slices.Contains(render.Clusters(before), cluster), slices.Contains(render.Clusters(after), cluster); {
	case had && has:
		former, present, err = render.Changed(ctx, before, after, cluster)
	case had:
		former, err = render.Cluster(ctx, before, cluster)
	case has:
		present, err = render.Cluster(ctx, after, cluster)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	if was, err = classesOf(former); err != nil {
		return nil, nil, fmt.Errorf("cluster %s before the change: %w", cluster, err)
	}
	if is, err = classesOf(present); err != nil {
		return nil, nil, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	return was, is, nil
}

func classesOf(applied []render.Applied) (map[string]plan.Class, error) {
	var objects []*unstructured.Unstructured
	for _, one := range applied {
		if one.Err != nil {
			return nil, one.Err
		}
		objects = append(objects, one.Objects...)
	}
	return plan.Classes(objects)
}

// clustersAt returns the clusters of all revisions, sorted.
func clustersAt(repository *git.Repository, revisions ...string) ([]string, error) {
	var names []string
	for _, revision := range revisions {
		commit, _, err := tree.At(repository, revision)
		if err != nil {
			return nil, err
		}
		names = append(names, render.Clusters(commit)...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// courseNames returns the sorted names of the courses in either map.
func courseNames(before, after map[string]plan.Class) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	return slices.Sorted(maps.Keys(all))
}
