package image

import (
	"context"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/carrel-dev/carrel/devcluster/program"
)

// host is the registry part of every image's name. No registry has this name, so a
// pull by mistake fails.
const host = "carrel.local"

// recipe describes how to build one image.
type recipe struct {
	tag    string
	layers []layer
	config v1.Config
}

// layer is one part of an image. Layers with equal names and keys have equal
// content.
type layer interface {
	// name returns a short name for progress messages and cache entries.
	name() string
	// key returns a hash of everything the layer's content depends on. It may build
	// the inputs of the layer.
	key(ctx context.Context, b Builder) (string, error)
	// write builds the layer as a gzipped tar file. It may create files beside it.
	write(ctx context.Context, b Builder, file string) error
}

var recipes = map[string]recipe{
	"busybox":                busybox,
	"code-server":            codeServer,
	"coredns":                ofProgram("v1.14.6", program.Cluster, program.CoreDNS),
	"kustomize-controller":   ofProgram("v1.7.3", program.Cluster, program.KustomizeController),
	"local-path-provisioner": ofProgram("v0.0.30", program.Volumes, program.LocalPathProvisioner),
	"mariadb":                mariadb,
	"pause":                  pause,
	"phpmyadmin":             phpMyAdmin,
	"source-controller":      ofProgram("v1.7.3", program.Cluster, program.SourceController),
	"webterm":                webterm,
}

// Names returns the sorted names of the images that Build can build.
func Names() []string {
	return slices.Sorted(maps.Keys(recipes))
}

// Reference returns the full name, with tag, by which pods use the image name. It
// panics if Build has no recipe for name.
func Reference(name string) string {
	recipe, known := recipes[name]
	if !known {
		panic(fmt.Sprintf("no recipe for image %q", name))
	}
	return host + "/" + name + ":" + recipe.tag
}
