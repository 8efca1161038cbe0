package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// become makes the repository's tree that of a commit, with the students of this test,
// and with images of a tag. It commits and pushes that.
func (u *upgrade) become(ctx context.Context, commit, tag, message string) error {
	if err := git(ctx, u.repository(), "read-tree", "-u", "--reset", commit); err != nil {
		return err
	}
	for _, s := range class {
		text := "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + s + "\n"
		if err := os.WriteFile(filepath.Join(u.repository(), "courses", course, "roster", "students", s+".yaml"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := u.takeImages(tag); err != nil {
		return err
	}
	if err := git(ctx, u.repository(), "add", "--all"); err != nil {
		return err
	}
	if err := git(ctx, u.repository(), "-c", "user.name=upgrade", "-c", "user.email=upgrade@example.ac.jp", "commit", "--quiet", "--message="+message); err != nil {
		return err
	}
	return u.forge.Push(ctx, u.repository())
}

// takeImages writes the tag of the images of Carrel's processes into the cluster's
// kustomization.
func (u *upgrade) takeImages(tag string) error {
	path := filepath.Join(u.repository(), "clusters", "local", "kustomization.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	old := []byte("            newTag: dev\n")
	if n := bytes.Count(text, old); n != len(processes) {
		return fmt.Errorf("%s names %d images with the tag dev, want %d", path, n, len(processes))
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, old, []byte("            newTag: "+tag+"\n")), 0o600)
}
