package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/carrel-dev/carrel/test/story"
)

// previous holds the commit of the previous release. docs/releasing.md says when it
// changes.
//
//go:embed previous
var previous string

func previousCommit() string { return strings.TrimSpace(previous) }

// previousTag names the tag of the previous release's images in the node.
const previousTag = "previous"

// processes are the programs whose images a cluster runs.
var processes = []string{"carrel-controller", "carrel-gateway"}

// previousImages returns the archives of the previous release's images. They are built
// once, and kept in the user's cache.
func (u *upgrade) previousImages(ctx context.Context) ([]string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	cache = filepath.Join(cache, "carrel", "release-"+previousCommit())
	var archives []string
	missing := false
	for _, process := range processes {
		archive := filepath.Join(cache, process+".tar")
		_, err := os.Stat(archive)
		missing = missing || err != nil
		archives = append(archives, archive)
	}
	if !missing {
		return archives, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	return archives, u.buildPrevious(ctx, archives)
}

// buildPrevious builds the archives, in the order of processes, of a copy of the commit.
func (u *upgrade) buildPrevious(ctx context.Context, archives []string) error {
	source, err := u.clone(ctx, u.File("previous"))
	if err != nil {
		return err
	}
	if err := source.Git(ctx, "checkout", "--quiet", "--detach", previousCommit()); err != nil {
		return err
	}
	for i, process := range processes {
		binary := u.File("programs", process)
		build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", binary, "./cmd/"+process)
		build.Dir, build.Env = source.Dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s of %s: %w\n%s", process, previousCommit(), err, out)
		}
		// An archive in the cache is whole.
		unfinished := archives[i] + ".new"
		image := exec.CommandContext(ctx, filepath.Join(u.Cluster.Root, "bin", "devcluster"),
			"image", "--binary="+binary, "--name="+previousImage(process), "--output="+unfinished)
		if out, err := image.CombinedOutput(); err != nil {
			return fmt.Errorf("make the image of %s: %w\n%s", process, err, out)
		}
		if err := os.Rename(unfinished, archives[i]); err != nil {
			return err
		}
	}
	return os.RemoveAll(source.Dir)
}

func previousImage(process string) string {
	return strings.TrimSuffix(story.ImageOf(process), ":dev") + ":" + previousTag
}

// clone clones this repository with all commits, the previous release's among them.
func (u *upgrade) clone(ctx context.Context, to string) (story.Repository, error) {
	r, err := story.Clone(ctx, u.Cluster.Root, to)
	if err != nil {
		return r, err
	}
	if err := r.Git(ctx, "cat-file", "-e", previousCommit()+"^{commit}"); err != nil {
		return r, fmt.Errorf("the commit of the previous release is not in this clone: git fetch --unshallow: %w", err)
	}
	return r, nil
}
