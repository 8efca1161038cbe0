package render

import (
	"context"
	"fmt"
	"path"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
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
	source := sourceOf(first.Objects)
	for _, object := range first.Objects {
		if k := kustomizationOf(object); k != nil && follows(k, source) && !t.IsDir(k.Spec.Path) {
			return true
		}
	}
	return false
}

// begin renders the objects that a person applies to bootstrap Flux.
func begin(t *tree.Tree, name string) (*tree.FileSystem, Applied, error) {
	fs, dir := t.FileSystem(), "/"+path.Join(clusters, name, entries)
	over, err := withOrigins(fs, dir)
	if err != nil {
		return nil, Applied{}, err
	}
	in, err := inputsOf(over, dir)
	if err != nil {
		return nil, Applied{}, err
	}
	rendered, err := in.rendering(over, dir)
	if err != nil {
		return nil, Applied{}, err
	}
	first := Applied{}
	for _, one := range rendered {
		if err := first.take(one, dir); err != nil {
			return nil, first, err
		}
	}
	return fs, first, nil
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
		k := kustomizationOf(object)
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
	var err error
	if a.fs, a.dir, a.top, err = asFlux(fs, a.Kustomization); err == nil {
		a.in = newInputs()
		err = a.in.from(a.fs, a.dir, a.top.file, a.top.k)
	}
	a.fail(err)
}

// render renders a prepared Kustomization.
func (a *Applied) render(ctx context.Context) {
	if a.Err != nil {
		return
	}
	a.done = true
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
func sourceOf(objects []*unstructured.Unstructured) string {
	for _, object := range objects {
		if object.GetKind() == "GitRepository" {
			return object.GetNamespace() + "/" + object.GetName()
		}
	}
	return ""
}

func follows(k *kustomizev1.Kustomization, source string) bool {
	namespace := k.Spec.SourceRef.Namespace
	if namespace == "" {
		namespace = k.Namespace
	}
	return k.Spec.SourceRef.Kind == "GitRepository" && namespace+"/"+k.Spec.SourceRef.Name == source
}

// kustomizationOf returns the object as a Flux Kustomization, or nil if it is not
// one.
func kustomizationOf(object *unstructured.Unstructured) *kustomizev1.Kustomization {
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
		object, err := objectOf(resource)
		if err != nil {
			return fmt.Errorf("read %s: %w", resource.CurId(), err)
		}
		a.Objects, a.Origins = append(a.Objects, object), append(a.Origins, origin)
	}
	return nil
}
