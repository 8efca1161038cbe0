package render

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// Origin is the place in git where an object is declared.
type Origin struct {
	// File is the path of the manifest, from the repository's root. For a generated
	// object, it is the path of the kustomization.yaml. It is empty if unknown.
	File string
	// Generated is true for an object made by a generator.
	Generated bool
}

// traced returns a kustomization that makes kustomize record the origins of objects.
func traced(k kustypes.Kustomization) *kustypes.Kustomization {
	if !slices.Contains(k.BuildMetadata, kustypes.OriginAnnotations) {
		k.BuildMetadata = append(slices.Clone(k.BuildMetadata), kustypes.OriginAnnotations)
	}
	return &k
}

// withOrigins returns a file system in which the directory's kustomization.yaml
// makes kustomize record origins.
func withOrigins(fs *tree.FileSystem, dir string) (*tree.FileSystem, error) {
	file, found, err := kustomization(fs, dir)
	if err != nil || found == nil {
		return fs, err
	}
	data, err := yaml.Marshal(traced(*found))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	return fs.With(file, data), nil
}

// originOf returns the origin of an object and removes its annotation. kustomize's
// paths are relative to dir, the directory that was built.
func originOf(r *resource.Resource, dir string) (Origin, error) {
	noted, err := r.GetOrigin()
	if err != nil {
		return Origin{}, fmt.Errorf("read where %s comes from: %w", r.CurId(), err)
	}
	if noted == nil {
		return Origin{}, nil
	}
	if err := r.SetOrigin(nil); err != nil {
		return Origin{}, fmt.Errorf("take the origin off %s: %w", r.CurId(), err)
	}
	o := Origin{File: noted.Path, Generated: noted.ConfiguredIn != ""}
	if o.Generated {
		o.File = noted.ConfiguredIn
	}
	if o.File != "" {
		o.File = strings.TrimPrefix(path.Join(dir, o.File), "/")
	}
	return o, nil
}
