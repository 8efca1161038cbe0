package render

import (
	"bytes"
	"context"
	"path"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// Changed renders the parts of a cluster that differ between two commits, and the
// rest of the courses to which they belong. Rendering the other courses would take
// most of the time. Kustomizations that do not belong to a single course are always
// included.
func Changed(ctx context.Context, before, after *tree.Tree, cluster string) (was, is []Applied, err error) {
	present := newWalk(after)
	if err := present.discover(ctx, cluster); err != nil {
		return nil, nil, err
	}
	former := newWalk(before)
	former.known = present
	if err := former.discover(ctx, cluster); err != nil {
		return nil, nil, err
	}
	touched := map[string]bool{}
	for _, key := range keysOf(former, present) {
		if was, is := former.by[key], present.by[key]; was == nil || is == nil || was.glimpsed != is.glimpsed {
			completeDifferent(was, is)
		}
		compareApplied(former.by[key], present.by[key], touched)
	}
	compareObjects(former.all[0].Objects, present.all[0].Objects, touched)
	return former.finish(ctx, touched), present.finish(ctx, touched), nil
}

// Below renders, for each tree, the parts of a cluster that are built from files
// below a path, and the rest of the courses to which they belong.
func Below(ctx context.Context, below, cluster string, trees ...*tree.Tree) ([][]Applied, error) {
	walks, touched := make([]*walk, len(trees)), map[string]bool{}
	for i, t := range trees {
		walks[i] = newWalk(t)
		if err := walks[i].discover(ctx, cluster); err != nil {
			return nil, err
		}
		walks[i].touchedBelow(path.Clean("/"+below), touched)
	}
	all := make([][]Applied, len(trees))
	for i, w := range walks {
		all[i] = w.finish(ctx, touched)
	}
	return all, nil
}

// isKnown reports whether a has the same inputs as its counterpart in the known
// walk, and takes them over. It compares the hashes of all files and directories
// that the counterpart reads.
func (w *walk) isKnown(a *Applied) bool {
	if w.known == nil {
		return false
	}
	known := w.known.by[a.key()]
	if known == nil || known.Err != nil || known.in.hidden || !reflect.DeepEqual(known.Kustomization.Spec, a.Kustomization.Spec) ||
		hasVariables(a.Kustomization) {
		return false
	}
	for _, name := range known.in.paths() {
		// Directories of this machine have no hash, so nothing is known about them.
		if hash := w.tree.Hash(name); hash != w.known.tree.Hash(name) || hash.IsZero() && (w.tree.Exists(name) || w.known.tree.Exists(name)) {
			return false
		}
	}
	a.dir, a.top, a.in, a.as = known.dir, known.top, known.in, known
	a.fs = w.fs.With(known.top.file, known.top.data)
	return true
}

// isPutOff reports whether rendering may wait: the Kustomization must fill one
// course and contain nothing that affects other courses.
func (w *walk) isPutOff(a *Applied) bool {
	if a.as != nil {
		return a.as.putOff
	}
	if w.whole {
		return false
	}
	if a.Err != nil || a.Kustomization.Spec.TargetNamespace == "" || a.in.hidden || a.in.replaces {
		return false
	}
	for file := range a.in.files {
		if path.Ext(file) == ".csv" {
			continue
		}
		// Kustomizations must be followed, their sources are found by all, and
		// ClusterRoles grant rights elsewhere.
		data, err := a.fs.ReadFile(file)
		if err == nil && (bytes.Contains(data, []byte("toolkit.fluxcd.io")) || bytes.Contains(data, []byte("ClusterRole"))) {
			return false
		}
	}
	return true
}

// sameAs returns the rendered counterpart of a in the known walk if its inputs are
// equal, and else nil.
func (w *walk) sameAs(a *Applied) *Applied {
	if w.known == nil {
		return nil
	}
	if known := w.known.by[a.key()]; known != nil && known.done && (a.as == known || same(known, a)) {
		return known
	}
	return nil
}

// same reports whether two Kustomizations have equal inputs. It returns false if
// that is unknown.
func same(a, b *Applied) bool {
	if a.Err != nil || b.Err != nil || a.dir != b.dir || !reflect.DeepEqual(a.Kustomization.Spec, b.Kustomization.Spec) ||
		hasVariables(a.Kustomization) || !bytes.Equal(a.top.data, b.top.data) {
		return false
	}
	return sameInputs(a.in, b.in, a.fs, b.fs)
}

// sameInputs reports whether the files that two builds read are equal. It returns false
// if that is unknown.
func sameInputs(a, b *inputs, in, of *tree.FileSystem) bool {
	if !reflect.DeepEqual(a, b) || a.hidden {
		return false
	}
	for file := range a.files {
		x, y := in.Hash(file), of.Hash(file)
		if x != y || x.IsZero() && in.Exists(file) {
			return false
		}
	}
	return true
}

// touchedBelow adds the namespaces to which files below a path contribute.
func (w *walk) touchedBelow(below string, touched map[string]bool) {
	for _, a := range w.all {
		a.complete(func(e *glimpse) bool { return e.in.has(below) })
		if a.Kustomization != nil && (a.Err != nil || a.Has(below)) {
			touched[a.Kustomization.Spec.TargetNamespace] = true
		}
		for i, o := range a.Objects {
			if isBelow("/"+a.Origins[i].File, below) {
				touch(o, touched)
			}
		}
	}
}

// Has reports whether a file or directory is an input of the Kustomization or
// contains one. If the build failed, the inputs are incomplete; then everything
// inside a directory that it reads counts.
func (a *Applied) Has(below string) bool {
	below = path.Clean("/" + below)
	parts := a.in.paths()
	if a.Kustomization != nil {
		parts = append(parts, path.Clean("/"+a.Kustomization.Spec.Path))
	}
	return slices.ContainsFunc(parts, func(part string) bool {
		return isBelow(part, below) || a.Err != nil && isBelow(below, part)
	})
}

// has reports whether a file or directory is an input or contains one.
func (in *inputs) has(below string) bool {
	return slices.ContainsFunc(in.paths(), func(part string) bool { return isBelow(part, below) })
}

// Paths returns the files and directories that the build reads, as far as it got.
func (a *Applied) Paths() []string { return a.in.paths() }

// isBelow reports whether the path one equals other or lies in it.
func isBelow(one, other string) bool {
	return other == "/" || one == other || strings.HasPrefix(one, other+"/")
}

// touch adds the namespace of an object, and the namespace that the object
// declares.
func touch(o *unstructured.Unstructured, touched map[string]bool) {
	if o.GetKind() == "Namespace" {
		touched[o.GetName()] = true
	}
	touched[o.GetNamespace()] = true
}

func keysOf(walks ...*walk) (keys []string) {
	for _, w := range walks {
		for key := range w.by {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// compareApplied adds the namespaces that differ between was and is. Either may be
// nil.
func compareApplied(was, is *Applied, touched map[string]bool) {
	if was != nil && is != nil && was.Err == nil && is.Err == nil && (was.as == is || same(was, is)) {
		return
	}
	var before, after []*unstructured.Unstructured
	if was != nil {
		touched[was.Kustomization.Spec.TargetNamespace], before = true, was.Objects
	}
	if is != nil {
		touched[is.Kustomization.Spec.TargetNamespace], after = true, is.Objects
	}
	compareObjects(before, after, touched)
}

func compareObjects(before, after []*unstructured.Unstructured, touched map[string]bool) {
	type id struct{ apiVersion, kind, namespace, name string }
	was := map[id]*unstructured.Unstructured{}
	for _, o := range before {
		was[id{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}] = o
	}
	for _, o := range after {
		of := id{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}
		if former := was[of]; former == nil || !reflect.DeepEqual(former.Object, o.Object) {
			touch(o, touched)
		}
		delete(was, of)
	}
	for _, o := range was {
		touch(o, touched)
	}
}
