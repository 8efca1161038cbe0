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

// Where the entry points of clusters are.
const (
	clusters = "clusters"
	entries  = "flux-system"
)

// Applied is what one Flux Kustomization applies.
type Applied struct {
	// Kustomization is the one; nil for what a person applies to let Flux begin.
	Kustomization *kustomizev1.Kustomization
	Objects       []*unstructured.Unstructured
	// Origins say where each of the Objects was written.
	Origins []Origin
	// Unknown are the ConfigMaps and Secrets with variables for it that are not in
	// git. What stands for such a variable stays as it is written.
	Unknown []string
	// Err is why Flux could not build it. What it applied before stays.
	Err error

	// fs has what Flux adds to the directory that it builds: top.
	fs  *tree.FileSystem
	dir string
	top entryPoint
	in  *inputs
	// done is set once it is rendered, putOff for what may be left for later.
	done, putOff bool
	// as is the one of another commit that is made of the same, if that is known.
	as        *Applied
	variables map[string]string
}

// Clusters names the clusters of a repository.
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

// isBase tells what clusters build upon from a cluster: what Flux would be pointed
// at is not there.
func isBase(t *tree.Tree, name string) bool {
	_, first, err := begin(t, name)
	if err != nil {
		return false // for whoever renders it to say
	}
	source := sourceOf(first.Objects)
	for _, object := range first.Objects {
		if k := kustomizationOf(object); k != nil && follows(k, source) && !t.IsDir(k.Spec.Path) {
			return true
		}
	}
	return false
}

// begin is what a person applies to let Flux begin.
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

// Cluster renders all that Flux applies to a cluster from this repository, from
// clusters/<name>/flux-system on, each Kustomization that it finds in its turn.
// One of another source is left out.
func Cluster(ctx context.Context, t *tree.Tree, name string) ([]Applied, error) {
	w := newWalk(t)
	w.whole = true
	if err := w.discover(ctx, name); err != nil {
		return nil, err
	}
	return w.finish(ctx, nil), nil
}

// eachApplied renders several at a time.
func eachApplied(all []*Applied, do func(a *Applied)) {
	if len(all) >= worthDividing {
		schema()
	}
	concurrently(len(all), func(i int) { do(all[i]) })
}

// follow are the Kustomizations of this repository that are among the objects, but
// those that are known by now.
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

// prepare finds out what the Kustomization is made of.
func (a *Applied) prepare(fs *tree.FileSystem) {
	var err error
	if a.fs, a.dir, a.top, err = asFlux(fs, a.Kustomization); err == nil {
		a.in = newInputs()
		err = a.in.from(a.fs, a.dir, a.top.file, a.top.k)
	}
	a.fail(err)
}

// render renders it once it is prepared.
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

// sourceOf is the GitRepository of this repository: the one a person applies.
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

// kustomizationOf is nil for an object that is none of Flux's.
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

// take reads what was rendered of a directory.
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
