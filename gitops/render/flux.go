package render

import (
	"fmt"
	"path"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxkustomize "github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// asFlux lays the kustomization.yaml with which Flux builds a directory over it. If
// the directory has none, Flux generates one that lists all manifests. asFlux also
// adds the settings of the Kustomization.
func asFlux(fs *tree.FileSystem, k *kustomizev1.Kustomization) (over *tree.FileSystem, dir string, top entryPoint, err error) {
	dir = path.Clean("/" + k.Spec.Path)
	if !fs.IsDir(dir) {
		return nil, "", top, fmt.Errorf("spec.path %s is no directory of the repository", k.Spec.Path)
	}
	file, found, err := kustomization(fs, dir)
	if err != nil {
		return nil, "", top, err
	}
	if found == nil {
		file = path.Join(dir, konfig.DefaultKustomizationFileName())
		if found, err = listing(fs, dir); err != nil {
			return nil, "", top, err
		}
	}
	found = traced(with(*found, k))
	data, err := yaml.Marshal(found)
	if err != nil {
		return nil, "", top, fmt.Errorf("write %s as Flux does: %w", file, err)
	}
	return fs.With(file, data), dir, entryPoint{file, found, data}, nil
}

// entryPoint is the kustomization.yaml with which a build begins.
type entryPoint struct {
	file string
	k    *kustypes.Kustomization
	data []byte
}

// listing returns the kustomization that Flux generates for a directory without
// one.
func listing(fs *tree.FileSystem, dir string) (*kustypes.Kustomization, error) {
	k := &kustypes.Kustomization{TypeMeta: kustypes.TypeMeta{APIVersion: kustypes.KustomizationVersion, Kind: kustypes.KustomizationKind}}
	if err := list(fs, dir, ".", k); err != nil {
		return nil, err
	}
	if len(k.Resources) == 0 {
		k.Namespace = "_placeholder" // kustomize refuses an empty kustomization
	}
	return k, nil
}

func list(fs *tree.FileSystem, dir, relative string, k *kustypes.Kustomization) error {
	names, err := fs.ReadDir(path.Join(dir, relative))
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(relative, name)
		whole := path.Join(dir, at)
		switch {
		case fs.IsDir(whole):
			_, own, err := kustomization(fs, whole)
			if err != nil {
				return err
			}
			if own != nil {
				k.Resources = append(k.Resources, "./"+at)
			} else if err := list(fs, dir, at, k); err != nil {
				return err
			}
		case strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml"):
			if err := manifest(fs, whole); err != nil {
				return err
			}
			k.Resources = append(k.Resources, "./"+at)
		}
	}
	return nil
}

// manifest returns an error if a file does not contain objects. It recovers from
// panics, which kustomize's parser raises for some such files.
func manifest(fs *tree.FileSystem, file string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s can't be read: %v", strings.TrimPrefix(file, "/"), r)
		}
	}()
	data, err := guarded{fs}.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(data); err != nil {
		return fmt.Errorf("%s: %w", strings.TrimPrefix(file, "/"), err)
	}
	return nil
}

// with returns a kustomization with the settings of the Kustomization that builds it.
func with(to kustypes.Kustomization, k *kustomizev1.Kustomization) kustypes.Kustomization {
	if len(to.Resources)+len(to.Bases)+len(to.Components) == 0 && to.Namespace == "" { //nolint:staticcheck // kustomize still reads it
		to.BuildMetadata = []string{kustypes.OriginAnnotations}
	}
	if k.Spec.TargetNamespace != "" {
		to.Namespace = k.Spec.TargetNamespace
	}
	if k.Spec.NamePrefix != "" {
		to.NamePrefix = k.Spec.NamePrefix
	}
	if k.Spec.NameSuffix != "" {
		to.NameSuffix = k.Spec.NameSuffix
	}
	for _, patch := range k.Spec.Patches {
		to.Patches = append(slices.Clip(to.Patches), kustypes.Patch{Patch: patch.Patch, Target: selector(patch.Target)})
	}
	to.Components = append(slices.Clip(to.Components), k.Spec.Components...)
	for _, image := range k.Spec.Images {
		to.Images = replaced(slices.Clone(to.Images), kustypes.Image{Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest})
	}
	return to
}

func selector(s *fluxkustomize.Selector) *kustypes.Selector {
	if s == nil {
		return nil
	}
	return &kustypes.Selector{
		ResId: resid.ResId{
			Gvk:  resid.Gvk{Group: s.Group, Version: s.Version, Kind: s.Kind},
			Name: s.Name, Namespace: s.Namespace,
		},
		AnnotationSelector: s.AnnotationSelector,
		LabelSelector:      s.LabelSelector,
	}
}

func replaced(images []kustypes.Image, image kustypes.Image) []kustypes.Image {
	for i := range images {
		if images[i].Name == image.Name {
			images[i] = image
			return images
		}
	}
	return append(images, image)
}
