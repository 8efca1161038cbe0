// Command upgrade upgrades a cluster while people work, and goes back. It installs the
// previous release, whose commit the file previous names. Students type in terminals. Then
// it merges the present commit, and after that the previous one again. It fails if a pod was
// restarted, a WebSocket closed, a message or a line of a file lost, a claim replaced, or a
// status lost.
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

// patience bounds each wait. On a slow machine the first start of the cluster takes
// minutes.
const patience = 15 * time.Minute

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run upgrades a cluster and goes back, and stops the cluster even if that failed.
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
	dir, err := os.MkdirTemp("", "carrel-upgrade-")
	if err != nil {
		return err
	}
	u := &upgrade{cluster: cluster, dir: dir, out: os.Stdout, begin: time.Now()}
	defer func() { err = errors.Join(err, cluster.Down(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }()
	for _, act := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"The previous release is installed", u.install},
		{"Students begin to work", u.work},
		{"The present release is merged", u.forward},
		{"A student comes, and the previous release is merged again", u.back},
	} {
		u.say("%s", act.title)
		if err := act.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", act.title, err)
		}
	}
	u.say("nobody noticed")
	return nil
}
