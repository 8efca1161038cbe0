package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// packed is an image of a release.
type packed struct {
	// name is the name in the manifests, such as carrel-dev/carrel.
	name string
	// newName is the name with the registry of this release.
	newName, digest string
}

const (
	// own is the first part of the names of Carrel's images in its manifests.
	own = "carrel-dev"
	// unnamed is the registry by which Kubernetes completes a name without one. An archive
	// names its image in full.
	unnamed = "docker.io"
)

// pack makes an archive of each image, for all platforms of nodes, and pushes it if that
// is asked for.
func (r *release) pack(ctx context.Context, built []program) ([]packed, error) {
	var images []packed
	for _, name := range inImages {
		image := packed{name: path.Join(own, name), newName: path.Join(cmp.Or(r.registry, own), name)}
		reference := path.Join(cmp.Or(r.registry, path.Join(unnamed, own)), name) + ":" + r.version
		var binaries []string
		for _, p := range built {
			if p.name == name && p.platform.os == "linux" {
				binaries = append(binaries, p.file)
			}
		}
		args := []string{
			"image", "--binary=" + strings.Join(binaries, ","), "--name=" + reference,
			"--output=" + filepath.Join(r.output, name+".oci.tar"),
		}
		if r.push {
			args = append(args, "--push")
		}
		fmt.Printf("image %s\n", reference)
		out, err := exec.CommandContext(ctx, r.devcluster, args...).Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return nil, fmt.Errorf("make the image of %s: %w: %s", name, err, exit.Stderr)
		}
		if err != nil {
			return nil, fmt.Errorf("make the image of %s: %w", name, err)
		}
		image.digest = strings.TrimSpace(string(out))
		images = append(images, image)
	}
	return images, nil
}
