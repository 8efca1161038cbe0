package render

import (
	"context"
	"slices"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// walk finds everything that Flux applies. It puts off Kustomizations that fill one
// course only.
type walk struct {
	tree *tree.Tree
	fs   *tree.FileSystem
	// whole disables putting off.
	whole bool
	all   []*Applied
	by    map[string]*Applied
	// variables holds the variables of everything rendered so far.
	variables variables
	// known is the walk of another commit. Results with equal inputs are taken from
	// it.
	known *walk
}

func newWalk(t *tree.Tree) *walk {
	return &walk{tree: t, by: map[string]*Applied{}, variables: variables{}}
}

// discover follows Kustomizations from the entry point of the cluster. Those that
// read variables from other Kustomizations' objects come last, as they wait in the
// cluster.
func (w *walk) discover(ctx context.Context, cluster string) error {
	archive, first, err := begin(w.tree, cluster)
	if err != nil {
		return err
	}
	w.tree, w.fs, w.all = archive, archive.FileSystem(), []*Applied{&first}
	w.variables.add(first.Objects)
	source := sourceName(sourceOf(first.Objects))
	rendered, waiting := w.all, []*Applied(nil)
	for len(rendered)+len(waiting) > 0 {
		var next []*Applied
		for _, one := range rendered {
			next = append(next, one.follow(source, w.by)...)
		}
		w.all = append(w.all, next...)
		waiting = append(waiting, slices.DeleteFunc(slices.Clone(next), func(a *Applied) bool { return !hasVariables(a.Kustomization) })...)
		next = slices.DeleteFunc(next, func(a *Applied) bool { return hasVariables(a.Kustomization) })
		if len(next) == 0 {
			w.render(ctx, w.besides(waiting))
			next, waiting = w.complete(waiting)
		}
		concurrently(len(next), func(i int) { w.prepare(next[i]) })
		rendered = slices.DeleteFunc(next, func(a *Applied) bool { return a.putOff })
		w.render(ctx, slices.Clone(rendered))
	}
	return nil
}

// complete splits off the Kustomizations whose variables are all known. If there
// are none, it returns all as ready, because the missing variables are not in git.
func (w *walk) complete(waiting []*Applied) (ready, rest []*Applied) {
	for _, a := range waiting {
		if _, unknown := w.variables.of(a.Kustomization); len(unknown) > 0 {
			rest = append(rest, a)
		} else {
			ready = append(ready, a)
		}
	}
	if len(ready) == 0 {
		return rest, nil
	}
	return ready, rest
}

func (w *walk) prepare(a *Applied) {
	if !w.isKnown(a) {
		a.prepare(w.fs)
	}
	a.putOff = w.isPutOff(a)
}

// besides returns the Kustomizations that were put off and may contain variables
// that some need.
func (w *walk) besides(some []*Applied) (all []*Applied) {
	for _, a := range w.all {
		if a.putOff && slices.ContainsFunc(some, func(one *Applied) bool {
			return one.Kustomization.Namespace == a.Kustomization.Spec.TargetNamespace
		}) {
			a.putOff = false
			all = append(all, a)
		}
	}
	return all
}

// render renders the Kustomizations that have no result in the known walk.
func (w *walk) render(ctx context.Context, some []*Applied) {
	for _, a := range some {
		a.variables, a.Unknown = w.variables.of(a.Kustomization)
	}
	var pending []*Applied
	for _, a := range some {
		if known := w.sameAs(a); known != nil {
			a.Objects, a.Origins, a.Err, a.glimpsed = known.Objects, known.Origins, known.Err, known.glimpsed
		} else if a.Err == nil {
			pending = append(pending, a)
		}
	}
	eachApplied(pending, func(a *Applied) { a.render(ctx, !w.whole) })
	for _, a := range some {
		w.variables.add(a.Objects)
	}
}

// finish renders what was put off of the touched courses, and leaves out the other
// courses.
func (w *walk) finish(ctx context.Context, touched map[string]bool) []Applied {
	var some []*Applied
	for _, a := range w.all[1:] {
		if a.putOff && touched[a.Kustomization.Spec.TargetNamespace] {
			a.putOff = false
			some = append(some, a)
		}
	}
	w.render(ctx, some)
	for _, a := range w.all {
		a.complete(func(e *glimpse) bool { return e.touches(touched) })
	}
	var all []Applied
	for _, a := range w.all {
		if !a.putOff {
			all = append(all, *a)
		}
	}
	return all
}
