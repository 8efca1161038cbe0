// Package class answers what a tree of git declares: the courses of a cluster, with
// their students and Templates.
package class

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Changed returns the courses of a cluster that differ between two trees, as each tree
// has them. The result may contain other courses too.
func Changed(ctx context.Context, before, after *tree.Tree, cluster string) (was, is map[string]plan.Class, err error) {
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
	if was, err = Of(former); err != nil {
		return nil, nil, fmt.Errorf("cluster %s before the change: %w", cluster, err)
	}
	if is, err = Of(present); err != nil {
		return nil, nil, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	return was, is, nil
}

// Of returns the courses among what Flux applies. It returns an error if something
// could not be built.
func Of(applied []render.Applied) (map[string]plan.Class, error) {
	var objects []*unstructured.Unstructured
	for _, one := range applied {
		if one.Err != nil {
			return nil, one.Err
		}
		objects = append(objects, one.Objects...)
	}
	return plan.Classes(objects)
}

// Clusters returns the clusters of all trees, sorted.
func Clusters(trees ...*tree.Tree) (names []string) {
	for _, t := range trees {
		names = append(names, render.Clusters(t)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
