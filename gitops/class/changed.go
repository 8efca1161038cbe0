package class

import (
	"context"
	"fmt"
	"slices"

	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Changed returns the courses of a cluster that differ between two trees, as each tree
// has them. The result may contain other courses too.
func Changed(ctx context.Context, before, after *tree.Tree, cluster string) (was, is map[string]Class, err error) {
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
	if was, err = Applied(before, former); err != nil {
		return nil, nil, fmt.Errorf("cluster %s before the change: %w", cluster, err)
	}
	if is, err = Applied(after, present); err != nil {
		return nil, nil, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	return was, is, nil
}

// Applied returns the courses among what Flux applies from a tree. It returns an error if
// something could not be built.
func Applied(t *tree.Tree, applied []render.Applied) (map[string]Class, error) {
	var objects []Object
	for _, one := range applied {
		if one.Err != nil {
			return nil, one.Err
		}
		for i, object := range one.Objects {
			objects = append(objects, Object{object, one.Origins[i]})
		}
	}
	return Of(t, objects)
}

// Clusters returns the clusters of all trees, sorted.
func Clusters(trees ...*tree.Tree) (names []string) {
	for _, t := range trees {
		names = append(names, render.Clusters(t)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
