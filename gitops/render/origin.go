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

// Origin is where an object was written.
type Origin struct {
	// File is the path from the repository's root: of the manifest, or of the
	// kustomization.yaml for an object that is generated. Empty: not known.
	File string
	// Generated is set for an object of a generator.
	Generated bool
}

// traced makes kustomize note where objects come from.
func traced(k *kustypes.Kustomization) {
	if !slices.Contains(k.BuildMetadata, kustypes.OriginAnnotations) {
		k.BuildMetadata = append(k.BuildMetadata, kustypes.OriginAnnotations)
	}
}

// withOrigins lays the kustomization.yaml of a directory over it so that kustomize
// notes where objects come from.
func withOrigins(fs *tree.FileSystem, dir string) (*tree.FileSystem, error) {
	file, found, err := kustomization(fs, dir)
	if err != nil || found == nil {
		return fs, err
	}
	traced(found)
	data, err := yaml.Marshal(found)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	return fs.With(file, data), nil
}

// originOf takes the note off an object. Paths are relative to the directory that
// was built.
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
