package image

import (
	"fmt"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// writeArchive writes an image made of layerFiles to file. The format is that of
// "docker save", because containerd imports it.
func writeArchive(file, reference string, config v1.Config, layerFiles []string) error {
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("name image: %w", err)
	}
	image, err := assemble(config, runtime.GOARCH, layerFiles)
	if err != nil {
		return fmt.Errorf("assemble %s: %w", reference, err)
	}
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		return fmt.Errorf("write archive of %s: %w", reference, err)
	}
	return nil
}

// assemble returns an image for Linux on the given architecture. Without a platform,
// containerd refuses to run an image.
func assemble(config v1.Config, architecture string, layerFiles []string) (v1.Image, error) {
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: architecture, Config: config,
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, file := range layerFiles {
		layer, err := tarball.LayerFromFile(file)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, err
		}
	}
	return image, nil
}
