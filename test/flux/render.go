package flux

import (
	"fmt"
	"os"
	"path/filepath"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/resmap"
)

// Repository is a copy of directories of a work tree. Flux writes into a tree to
// render it, which does no harm to a copy.
type Repository struct{ root string }

// Copy copies directories of the work tree at root to a new directory, dir.
func Copy(dir, root string, directories ...string) (*Repository, error) {
	for _, name := range directories {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			return nil, fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return &Repository{root: dir}, nil
}

// Build builds a directory with a kustomization.yaml.
func (r *Repository) Build(path string) ([]*unstructured.Unstructured, error) {
	resources, err := kustomize.SecureBuild(r.root, filepath.Join(r.root, path), false)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", path, err)
	}
	return objects(resources)
}

// Render returns the objects that kustomize-controller would apply for a
// Kustomization.
func (r *Repository) Render(k *kustomizev1.Kustomization) (_ []*unstructured.Unstructured, err error) {
	path := filepath.Join(r.root, k.Spec.Path)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(k)
	if err != nil {
		return nil, fmt.Errorf("convert Kustomization %s/%s: %w", k.Namespace, k.Name, err)
	}
	generator := kustomize.NewGenerator(r.root, unstructured.Unstructured{Object: content})
	action, err := generator.WriteFile(path, kustomize.WithSaveOriginalKustomization())
	if err != nil {
		return nil, fmt.Errorf("generate %s for Kustomization %s/%s: %w", k.Spec.Path, k.Namespace, k.Name, err)
	}
	defer func() {
		if cleanErr := kustomize.CleanDirectory(path, action); cleanErr != nil && err == nil {
			err = cleanErr
		}
	}()
	return r.Build(k.Spec.Path)
}

func objects(resources resmap.ResMap) ([]*unstructured.Unstructured, error) {
	list := make([]*unstructured.Unstructured, 0, resources.Size())
	for _, resource := range resources.Resources() {
		raw, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("write %s as JSON: %w", resource.CurId(), err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(raw); err != nil {
			return nil, fmt.Errorf("read %s: %w", resource.CurId(), err)
		}
		list = append(list, object)
	}
	return list, nil
}
