package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/carrel-dev/carrel/test/story"
)

// rosterFile returns the path of a student's file in the course sandbox.
func rosterFile(user string) string {
	return "courses/" + terminals + "/roster/students/" + user + ".yaml"
}

// makeRepository clones the work tree's HEAD, and makes of clusters/local a cluster
// with two small classes and an inventory.
func (d *drill) makeRepository(ctx context.Context) error {
	if err := git(ctx, d.Cluster.Root, "clone", "--quiet", "--shared", ".", d.repository()); err != nil {
		return err
	}
	for _, user := range added {
		text := "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + user + "\n"
		if err := d.put(rosterFile(user), text); err != nil {
			return err
		}
	}
	// The class of 300 is left out, because the drill tests what is restored, not how much.
	if err := d.replace("clusters/local/courses/kustomization.yaml", "  - prog1\n", ""); err != nil {
		return err
	}
	if err := d.replace("clusters/local/flux-system/kustomization.yaml", story.ForgePlaceholder, d.forge.Host()); err != nil {
		return err
	}
	if err := d.addInventory(); err != nil {
		return err
	}
	if err := git(ctx, d.repository(), "add", "."); err != nil {
		return err
	}
	return git(ctx, d.repository(), "-c", "user.name=drill", "-c", "user.email=drill@example.ac.jp", "commit", "--quiet", "--message=Make a cluster for the drill")
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
	from := filepath.Join(d.repository(), "clusters", "campus", "inventory")
	if err := os.CopyFS(filepath.Join(d.repository(), "clusters", "local", "inventory"), os.DirFS(from)); err != nil {
		return err
	}
	const kustomization, volume = "clusters/local/inventory/kustomization.yaml", "clusters/local/inventory/volume.yaml"
	if err := d.replace(volume, "  nfs:\n    server: nas.example.edu\n    path: /export/carrel-inventory\n",
		"  hostPath:\n    path: "+d.inventories()+"\n    type: Directory\n"); err != nil {
		return err
	}
	if err := d.replace(kustomization, "resources:\n",
		"images: [{name: carrel-dev/carrel, newName: carrel.local/carrel, newTag: dev}]\nresources:\n"); err != nil {
		return err
	}
	sync, err := os.ReadFile(filepath.Join(d.repository(), "clusters", "campus", "inventory.yaml"))
	if err != nil {
		return err
	}
	if err := d.put("clusters/local/inventory.yaml", strings.ReplaceAll(string(sync), "campus", "local")); err != nil {
		return err
	}
	return d.replace("clusters/local/kustomization.yaml", "  - ../base\n", "  - ../base\n  - inventory.yaml\n")
}

func (d *drill) put(path, text string) error {
	return os.WriteFile(filepath.Join(d.repository(), path), []byte(text), 0o600)
}

func (d *drill) replace(path, old, replacement string) error {
	text, err := os.ReadFile(filepath.Join(d.repository(), path))
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(old)) {
		return fmt.Errorf("%s has no %q", path, old)
	}
	return d.put(path, strings.ReplaceAll(string(text), old, replacement))
}
