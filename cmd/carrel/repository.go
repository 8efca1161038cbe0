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

// openRepository opens the git repository that a directory is in.
func openRepository(directory string) (*git.Repository, error) {
	repository, err := git.PlainOpenWithOptions(directory, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w: run carrel in it, or name it with --repository", directory, err)
	}
	return repository, nil
}

// classesAt are the courses of a cluster as a revision has them.
func classesAt(ctx context.Context, repository *git.Repository, revision, cluster string) (map[string]plan.Class, error) {
	commit, _, err := tree.At(repository, revision)
	if errors.Is(err, plumbing.ErrReferenceNotFound) || errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w: fetch it, or name another", err)
	}
	if err != nil {
		return nil, err
	}
	if !slices.Contains(render.Clusters(commit), cluster) {
		return map[string]plan.Class{}, nil
	}
	applied, err := render.Cluster(ctx, commit, cluster)
	if err != nil {
		return nil, fmt.Errorf("cluster %s at %s: %w", cluster, revision, err)
	}
	var objects []*unstructured.Unstructured
	for _, one := range applied {
		if one.Err != nil {
			return nil, fmt.Errorf("cluster %s at %s: %w", cluster, revision, one.Err)
		}
		objects = append(objects, one.Objects...)
	}
	return plan.Classes(objects)
}

// clustersAt are those of either revision.
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

// courseNames are those of either.
func courseNames(before, after map[string]plan.Class) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	return slices.Sorted(maps.Keys(all))
}
