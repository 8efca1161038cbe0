package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/carrel-dev/carrel/test/story"
)

// makeRepository clones the work tree's HEAD, and makes of clusters/local a cluster
// with two small classes and an inventory.
func (d *drill) makeRepository(ctx context.Context) (err error) {
	if d.repository, err = story.Clone(ctx, d.Cluster.Root, d.File("repository")); err != nil {
		return err
	}
	for _, user := range added {
		if err := d.repository.Put(story.StudentPath(terminals, user), story.StudentFile(user)); err != nil {
			return err
		}
	}
	// The class of 300 is left out, because the drill tests what is restored, not how much.
	if err := d.repository.Replace("clusters/local/courses/kustomization.yaml", 1, "  - prog1\n", ""); err != nil {
		return err
	}
	if err := d.repository.Replace("clusters/local/flux-system/kustomization.yaml", 2, story.ForgePlaceholder, d.forge.Host()); err != nil {
		return err
	}
	if err := d.addInventory(); err != nil {
		return err
	}
	return d.repository.Commit(ctx, "drill", "Make a cluster for the drill")
}

// inventoryUser is the user of the pods that take the inventory.
const inventoryUser = 65532

// addInventory adds the CronJob of clusters/campus that takes the inventory to
// clusters/local. A directory of this machine takes the place of the NFS server.
func (d *drill) addInventory() error {
	if err := os.Mkdir(d.inventories(), 0o700); err != nil {
		return err
	}
	// The pod's user may pass through the directory above, and may not list it.
	if err := os.Chmod(d.Dir, 0o711); err != nil {
		return err
	}
	if err := os.Chown(d.inventories(), inventoryUser, inventoryUser); err != nil {
		return err
	}
	from := filepath.Join(d.repository.Dir, "clusters", "campus", "inventory")
	if err := os.CopyFS(filepath.Join(d.repository.Dir, "clusters", "local", "inventory"), os.DirFS(from)); err != nil {
		return err
	}
	const kustomization, volume = "clusters/local/inventory/kustomization.yaml", "clusters/local/inventory/volume.yaml"
	if err := d.repository.Replace(volume, 1, "  nfs:\n    server: nas.example.edu\n    path: /export/carrel-inventory\n",
		"  hostPath:\n    path: "+d.inventories()+"\n    type: Directory\n"); err != nil {
		return err
	}
	if err := d.repository.Replace(kustomization, 1, "resources:\n",
		"images: [{name: carrel-dev/carrel, newName: carrel.local/carrel, newTag: dev}]\nresources:\n"); err != nil {
		return err
	}
	sync, err := os.ReadFile(filepath.Join(d.repository.Dir, "clusters", "campus", "inventory.yaml"))
	if err != nil {
		return err
	}
	if err := d.repository.Put("clusters/local/inventory.yaml", strings.ReplaceAll(string(sync), "campus", "local")); err != nil {
		return err
	}
	return d.repository.Replace("clusters/local/kustomization.yaml", 1, "  - ../base\n", "  - ../base\n  - inventory.yaml\n")
}
