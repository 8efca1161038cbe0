package addons

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/devcluster/program"
)

// Flux is the config folder of each of Flux's modules, which hold the manifests
// that Flux itself is installed from, by the module's last path element.
type Flux map[string]fs.FS

// fluxFolders are what we take of each module: of the notification-controller
// only its kinds, since Carrel reads Providers and reports by itself.
var fluxFolders = map[string][]string{
	"source-controller":       {"crd", "manager"},
	"kustomize-controller":    {"crd", "manager"},
	"notification-controller": {"crd"},
}

// wrappers name the wrapper module that pins each of Flux's modules.
var wrappers = map[string]string{
	"source-controller":       "cluster",
	"kustomize-controller":    "cluster",
	"notification-controller": "notification-controller",
}

// LocateFlux finds Flux's manifests in Go's module cache, fetching the modules
// in the versions and with the checksums that the wrapper modules pin.
func LocateFlux(ctx context.Context) (Flux, error) {
	root, err := program.Wrappers()
	if err != nil {
		return nil, err
	}
	flux := Flux{}
	for name := range fluxFolders {
		directory, err := program.ModuleDirectory(ctx, filepath.Join(root, wrappers[name]), "github.com/fluxcd/"+name)
		if err != nil {
			return nil, fmt.Errorf("find the manifests of Flux's %s: %w", name, err)
		}
		flux[name] = os.DirFS(filepath.Join(directory, "config"))
	}
	return flux, nil
}

// CRDs renders the CRDs of Flux's kinds alone, for a control plane without a node.
func (flux Flux) CRDs() ([]byte, error) {
	files := filesys.MakeFsInMemory()
	if err := flux.copyTo(files, "."); err != nil {
		return nil, err
	}
	var streams [][]byte
	for _, name := range []string{"source-controller", "kustomize-controller", "notification-controller"} {
		stream, err := build(files, path.Join(name, "crd"))
		if err != nil {
			return nil, fmt.Errorf("render the CRDs of %s: %w", name, err)
		}
		streams = append(streams, stream)
	}
	return bytes.Join(streams, []byte("---\n")), nil
}

// copyTo writes the folders that are used below folder, as <module>/crd and so on.
func (flux Flux) copyTo(files filesys.FileSystem, folder string) error {
	for name, wanted := range fluxFolders {
		config, found := flux[name]
		if !found {
			return fmt.Errorf("no manifests given for Flux's %s", name)
		}
		for _, part := range wanted {
			if err := copyFolder(files, path.Join(folder, name, part), config, part); err != nil {
				return fmt.Errorf("read the manifests of Flux's %s: %w", name, err)
			}
		}
	}
	return nil
}

func copyFolder(files filesys.FileSystem, target string, source fs.FS, folder string) error {
	return fs.WalkDir(source, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		return files.WriteFile(path.Join(target, relative), content)
	})
}
