package render

import (
	"context"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// Directory renders one directory as Flux does for a Kustomization that sets nothing but
// the path. It returns the objects with their origins.
func Directory(t *tree.Tree, directory string) ([]*unstructured.Unstructured, []Origin, error) {
	k := &kustomizev1.Kustomization{}
	k.Name, k.Spec.Path = directory, directory
	one := Applied{Kustomization: k}
	one.prepare(t.Archive("").FileSystem())
	one.render(context.Background(), false) // rendering waits for nothing
	return one.Objects, one.Origins, one.Err
}
