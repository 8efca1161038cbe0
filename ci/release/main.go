// Command release makes a release of the commit that a tag names: images, manifests,
// the command line for three systems, and what says of them what they are.
//
//	make release VERSION=v0.2.0
//
// docs/releasing.md explains each file. Two runs on equal machines write equal files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	var r release
	flag.StringVar(&r.version, "version", "", "version to release, for instance v0.2.0: a tag of the present commit")
	flag.StringVar(&r.registry, "registry", "", "registry and path that images are named by, for instance git.example.edu/lab; empty means carrel-dev, which no registry serves")
	flag.BoolVar(&r.push, "push", false, "push the images to -registry, and name them by digest in the manifests")
	flag.StringVar(&r.devcluster, "devcluster", "bin/devcluster", "program that packs images")
	flag.StringVar(&r.output, "output", "", "directory to write to; empty means dist/release/VERSION")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := r.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release holds the flags.
type release struct {
	version, registry, devcluster, output string
	push                                  bool
}

func (r *release) run(ctx context.Context) error {
	if r.push && r.registry == "" {
		return errors.New("-push needs -registry, which says where to")
	}
	if r.output == "" {
		r.output = filepath.Join("dist", "release", r.version)
	}
	source, err := sourceOf(ctx, r.version)
	if err != nil {
		return err
	}
	changes, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return err
	}
	notes, err := notesOf(string(changes), r.version)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.output); err != nil {
		return err
	}
	if err := os.MkdirAll(r.output, 0o755); err != nil {
		return err
	}
	built, err := r.build(ctx, source)
	if err != nil {
		return err
	}
	images, err := r.pack(ctx, built)
	if err != nil {
		return err
	}
	if err := r.writeManifests(images); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.output, "NOTES.md"), []byte(notes), 0o644); err != nil {
		return err
	}
	if err := r.writeStatements(source, built); err != nil {
		return err
	}
	fmt.Printf("%s is in %s\n", r.version, r.output)
	return nil
}
