// Package addons renders the manifests of what a cluster runs before anything of
// ours: CoreDNS, the local-path provisioner with the default StorageClass, and
// Flux's source- and kustomize-controller with the CRDs of all its controllers
// that we use.
package addons

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/devcluster/image"
)

// Params is what differs from one cluster to the next.
type Params struct {
	// ClusterDNS is the ClusterIP of the name server, as kubelet was told.
	ClusterDNS string
	// VolumeDirectory is the directory on the node that volumes are made in.
	VolumeDirectory string
	// Flux is where Flux's own manifests are; see LocateFlux.
	Flux Flux
}

//go:embed manifests
var manifests embed.FS

// parts are the folders of manifests, in the order they are applied in.
var parts = []string{"coredns", "local-path", "flux"}

// Images are the names, for package image, of all images the manifests use.
func Images() []string {
	return []string{"busybox", "coredns", "kustomize-controller", "local-path-provisioner", "source-controller"}
}

// Manifests renders all add-ons as one stream of YAML documents. Within each
// add-on, namespaces and CRDs come before what needs them.
func Manifests(params Params) ([]byte, error) {
	files := filesys.MakeFsInMemory()
	if err := render(files, params); err != nil {
		return nil, err
	}
	if err := params.Flux.copyTo(files, "manifests/flux"); err != nil {
		return nil, err
	}
	var streams [][]byte
	for _, part := range parts {
		stream, err := build(files, path.Join("manifests", part))
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", part, err)
		}
		streams = append(streams, stream)
	}
	return bytes.Join(streams, []byte("---\n")), nil
}

// build is kustomize build.
func build(files filesys.FileSystem, folder string) ([]byte, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy
	resources, err := krusty.MakeKustomizer(options).Run(files, folder)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

// render fills params into the embedded manifests.
func render(files filesys.FileSystem, params Params) error {
	templates := template.New("").Funcs(template.FuncMap{
		"image":      image.Reference,
		"repository": func(name string) string { return cut(name).repository },
		"tag":        func(name string) string { return cut(name).tag },
		"list":       func(items ...string) []string { return items },
	})
	return fs.WalkDir(manifests, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := manifests.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := templates.New(name).Parse(string(source))
		if err != nil {
			return fmt.Errorf("parse manifest: %w", err)
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, params); err != nil {
			return fmt.Errorf("render manifest: %w", err)
		}
		return files.WriteFile(name, out.Bytes())
	})
}

type reference struct{ repository, tag string }

func cut(name string) reference {
	repository, tag, _ := strings.Cut(image.Reference(name), ":")
	return reference{repository, tag}
}
