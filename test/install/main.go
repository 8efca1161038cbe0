// Command install follows clusters/campus/README.md on a real node. It makes a release of
// this commit, pushes its images to a registry on this machine, and installs the release
// in a cluster, all by the commands of that page. Then it looks whether the cluster runs
// that release, serves the desk, makes carrels and takes the nightly inventory.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run installs a release, and stops the cluster even if that failed.
func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	cluster := story.Devcluster{Root: root, Out: os.Stderr}
	if cluster.Running(ctx) {
		return errors.New("a cluster is up already, and stays as it is: stop it with make demo-down")
	}
	dir, err := os.MkdirTemp("", "carrel-install-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Down(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }()
	i := &installation{cluster: cluster, dir: dir, out: os.Stdout, begin: time.Now()}
	for _, act := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"A cluster with Flux, a forge, and a registry on this machine", i.bringUp},
		{"A release is made, and its images are pushed", i.makeRelease},
		{"The repository goes to the forge", i.makeRepository},
		{"The Secrets are written by hand, and git takes over", i.handOver},
		{"The cluster runs the release", i.check},
	} {
		i.say("%s", act.title)
		if err := act.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", act.title, errors.Join(err, i.stopRegistry()))
		}
	}
	return i.stopRegistry()
}
