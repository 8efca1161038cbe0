package render

import (
	"cmp"
	"context"
	"fmt"
	"path"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/resmap"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// The directories of the clusters' entry points: clusters/<name>/flux-system.
const (
	clusters = "clusters"
	entries  = "flux-system"
)

// Applied is the result of rendering one Flux Kustomization.
type Applied struct {
	// Kustomization is nil for the objects that a person applies to bootstrap Flux.
	Kustomization *kustomizev1.Kustomization
	Objects       []*unstructured.Unstructured
	// Origins holds the origin of each of the Objects.
	Origins []Origin
	// Unknown lists the ConfigMaps and Secrets with variables that are not in git.
	// Their variables stay unexpanded.
	Unknown []string
	// Err is the reason why Flux could not build the Kustomization. Flux keeps what
	// it applied before.
	Err error

	// fs contains the kustomization.yaml that Flux writes into dir: top.
	fs  *tree.FileSystem
	dir string
	top entryPoint
	in  *inputs
	// done is true once it is rendered. putOff is true while rendering may wait.
	done, putOff bool
	// as is the result of another commit with the same inputs, or nil if none is
	// known.
	as        *Applied
	variables map[string]string
	// glimpsed is set for a list of which not all entries are needed.
	glimpsed *glimpsed
}

// Clusters returns the names of the clusters in a repository.
func Clusters(t *tree.Tree) []string {
	names, err := t.ReadDir(clusters)
	if err != nil {
		return nil
	}
	var found []string
	for _, name := range names {
		if t.IsDir(path.Join(clusters, name, entries)) && !isBase(t, name) {
			found = append(found, name)
		}
	}
	return found
}

// isBase reports whether the directory is a base of clusters and not a cluster. The
// path of a Kustomization in a base does not exist.
func isBase(t *tree.Tree, name string) bool {
	_, first, err := begin(t, name)
	if err != nil {
		return false // rendering the cluster reports the error
	}
	source := sourceName(sourceOf(first.Objects))
	for _, object := range first.Objects {
		if k := KustomizationOf(object); k != nil && follows(k, source) && !t.IsDir(k.Spec.Path) {
			return true
		}
	}
	return false
}

// begin renders the objects that a person applies to bootstrap Flux. It also returns
// the tree as the GitRepository among them archives it.
func begin(t *tree.Tree, name string) (*tree.Tree, Applied, error) {
	first, dir := Applied{}, "/"+path.Join(clusters, name, entries)
	over, err := withOrigins(t.FileSystem(), dir)
	if err != nil {
		return nil, first, err
	}
	if first.in, err = inputsOf(over, dir); err != nil {
		return nil, first, err
	}
	rendered, err := first.in.rendering(over, dir)
	if err != nil {
		return nil, first, err
	}
	for _, one := range rendered {
		if err := first.take(one, dir); err != nil {
			return nil, first, err
		}
	}
	ignore := ""
	if source := sourceOf(first.Objects); source != nil {
		ignore, _, _ = unstructured.NestedString(source.Object, "spec", "ignore")
	}
	return t.Archive(ignore), first, nil
}

// Cluster renders everything that Flux applies to a cluster from this repository.
// It begins at clusters/<name>/flux-system and follows each Kustomization it finds.
// It skips Kustomizations of other sources.
func Cluster(ctx context.Context, t *tree.Tree, name string) ([]Applied, error) {
	w := newWalk(t)
	w.whole = true
	if err := w.discover(ctx, name); err != nil {
		return nil, err
	}
	return w.finish(ctx, nil), nil
}

// eachApplied calls do for all, in parallel.
func eachApplied(all []*Applied, do func(a *Applied)) {
	if len(all) >= worthDividing {
		schema()
	}
	concurrently(len(all), func(i int) { do(all[i]) })
}

// follow returns the Kustomizations among the objects that read source and are not
// yet in by. It adds them to by.
func (a *Applied) follow(source string, by map[string]*Applied) (all []*Applied) {
	for _, object := range a.Objects {
		k := KustomizationOf(object)
		if k == nil || !follows(k, source) {
			continue
		}
		next := &Applied{Kustomization: k}
		if by[next.key()] == nil {
			by[next.key()] = next
			all = append(all, next)
		}
	}
	return all
}

func (a *Applied) key() string { return a.Kustomization.Namespace + "/" + a.Kustomization.Name }

// prepare determines the inputs of the Kustomization.
func (a *Applied) prepare(fs *tree.FileSystem) {
	a.fs = fs
	over, dir, top, err := asFlux(fs, a.Kustomization)
	if err == nil {
		a.fs, a.dir, a.top, a.in = over, dir, top, newInputs()
		err = a.in.from(a.fs, a.dir, a.top.file, a.top.k)
	}
	a.fail(err)
}

// render renders a prepared Kustomization. If sparing is true, it takes no more of a list
// than its Kustomizations.
func (a *Applied) render(ctx context.Context, sparing bool) {
	if a.Err != nil {
		return
	}
	a.done = true
	if sparing {
		if a.glimpsed = a.glimpse(); a.glimpsed != nil {
			a.complete(func(*glimpse) bool { return false })
			return
		}
	}
	if err := a.apply(ctx); err != nil {
		a.Objects, a.Origins = nil, nil
		a.fail(err)
	}
}

func (a *Applied) fail(err error) {
	if err != nil {
		a.Err = fmt.Errorf("kustomization %s: %w", a.key(), err)
	}
}

func (a *Applied) apply(ctx context.Context) error {
	rendered, err := a.in.rendering(a.fs, a.dir)
	if err != nil {
		return err
	}
	parts, errs := make([]Applied, len(rendered)), make([]error, len(rendered))
	concurrently(len(rendered), func(i int) {
		if errs[i] = substitute(ctx, rendered[i], a.Kustomization, a.variables, a.Unknown); errs[i] == nil {
			errs[i] = parts[i].take(rendered[i], a.dir)
		}
	})
	for i := range parts {
		if errs[i] != nil {
			return errs[i]
		}
		a.Objects, a.Origins = append(a.Objects, parts[i].Objects...), append(a.Origins, parts[i].Origins...)
	}
	return nil
}

// sourceOf returns the GitRepository of this repository: the one that a person
// applies.
func sourceOf(objects []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetKind() == sourcev1.GitRepositoryKind {
			return object
		}
	}
	return nil
}

// sourceName returns "namespace/name" of a GitRepository, or "" for nil.
func sourceName(source *unstructured.Unstructured) string {
	if source == nil {
		return ""
	}
	return source.GetNamespace() + "/" + source.GetName()
}

func follows(k *kustomizev1.Kustomization, source string) bool {
	return k.Spec.SourceRef.Kind == sourcev1.GitRepositoryKind && cmp.Or(k.Spec.SourceRef.Namespace, k.Namespace)+"/"+k.Spec.SourceRef.Name == source
}

// KustomizationOf returns the object as a Flux Kustomization, or nil if it is not
// one.
func KustomizationOf(object *unstructured.Unstructured) *kustomizev1.Kustomization {
	if object.GetKind() != kustomizev1.KustomizationKind || object.GroupVersionKind().Group != kustomizev1.GroupVersion.Group {
		return nil
	}
	k := &kustomizev1.Kustomization{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, k); err != nil {
		return nil
	}
	return k
}

// take adds the rendered objects of a directory.
func (a *Applied) take(rendered resmap.ResMap, dir string) error {
	for _, resource := range rendered.Resources() {
		origin, err := originOf(resource, dir)
		if err != nil {
			return err
		}
		data, err := resource.MarshalJSON()
		object := &unstructured.Unstructured{}
		if err == nil {
			err = object.UnmarshalJSON(data)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", resource.CurId(), err)
		}
		a.Objects, a.Origins = append(a.Objects, object), append(a.Origins, origin)
	}
	return nil
}
