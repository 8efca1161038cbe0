package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests maps each file of a release to the directories whose objects it holds, in
// the order in which they are applied.
var manifests = []struct {
	file        string
	directories []string
}{
	{"install.yaml", []string{"kustomize/crds", "kustomize/policy", "kustomize"}},
	{"gateway.yaml", []string{"kustomize/gateway"}},
	{"inventory.yaml", []string{"kustomize/inventory"}},
}

// writeManifests writes what is installed, with the images of this release.
func (r *release) writeManifests(images []packed) error {
	for _, m := range manifests {
		var all bytes.Buffer
		for _, directory := range m.directories {
			built, err := buildWith(directory, r.references(images))
			if err != nil {
				return err
			}
			if all.Len() > 0 {
				all.WriteString("---\n")
			}
			all.Write(built)
		}
		if err := os.WriteFile(filepath.Join(r.output, m.file), all.Bytes(), 0o644); err != nil {
			return err
		}
	}
	patch, err := imagesPatch(r.references(images))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.output, "images.yaml"), patch, 0o644)
}

// imagesPatch returns a patch of Flux's Kustomizations, with which they install these
// images. A cluster keeps it as clusters/<cluster>/images.yaml.
func imagesPatch(images []types.Image) ([]byte, error) {
	return yaml.Marshal([]map[string]any{{"op": "add", "path": "/spec/images", "value": images}})
}

// references says by which names and tags the images are pulled. Only an image that was
// pushed is named by its digest too: archives that are loaded by hand have none until then.
func (r *release) references(images []packed) (all []types.Image) {
	for _, image := range images {
		reference := types.Image{Name: image.name, NewName: image.newName, NewTag: r.version}
		if r.push {
			reference.Digest = image.digest
		}
		all = append(all, reference)
	}
	return all
}

// buildWith renders a directory with other images. The kustomization that says so lies
// outside the working tree, which stays clean.
func buildWith(directory string, images []types.Image) ([]byte, error) {
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	tree := filesys.MakeFsOnDisk()
	above, err := os.MkdirTemp("", "release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(above) }()
	relative, err := filepath.Rel(above, absolute)
	if err != nil {
		return nil, err
	}
	content, err := yaml.Marshal(types.Kustomization{
		TypeMeta:  types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		Resources: []string{relative}, Images: images,
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(above, "kustomization.yaml"), content, 0o600); err != nil {
		return nil, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(tree, above)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", directory, err)
	}
	return built.AsYaml()
}
