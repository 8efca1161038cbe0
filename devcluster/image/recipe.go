package image

import (
	"context"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/carrel-dev/carrel/devcluster/program"
)

// host is the registry part of the names of all images. Nothing answers there:
// such a name can't be pulled by mistake.
const host = "carrel.local"

// recipe is how one image is made.
type recipe struct {
	tag    string
	layers []layer
	config v1.Config
}

// layer is one part of an image. Equal keys mean equal content.
type layer interface {
	// name says what the layer is, for a person.
	name() string
	// key tells this layer's content from that of any other of the same name. It
	// may build what the layer is made of.
	key(ctx context.Context, b Builder) (string, error)
	// write makes the layer, a gzipped tar file. It may use the folder it is in.
	write(ctx context.Context, b Builder, file string) error
}

var recipes = map[string]recipe{
	"busybox":                busybox,
	"code-server":            codeServer,
	"coredns":                ofProgram("v1.14.6", program.CoreDNS),
	"kustomize-controller":   ofProgram("v1.7.3", program.KustomizeController),
	"local-path-provisioner": ofProgram("v0.0.30", program.LocalPathProvisioner),
	"mariadb":                mariadb,
	"pause":                  pause,
	"phpmyadmin":             phpMyAdmin,
	"source-controller":      ofProgram("v1.7.3", program.SourceController),
	"webterm":                webterm,
}

// Names are the images that Build knows, sorted.
func Names() []string {
	return slices.Sorted(maps.Keys(recipes))
}

// Reference is the full name, with tag, that pods use for an image that Build
// knows. It is a mistake of the program to ask for another.
func Reference(name string) string {
	recipe, known := recipes[name]
	if !known {
		panic(fmt.Sprintf("no recipe for image %q", name))
	}
	return host + "/" + name + ":" + recipe.tag
}
