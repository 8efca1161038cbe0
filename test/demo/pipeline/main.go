// Command pipeline checks the merge requests at the demo's forge until it is interrupted,
// as ci/gitea/carrel.yaml does at a forge with runners: each request gets a comment and
// the status carrel/check, and again when it has a new commit.
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

// looksEvery is the time between two looks at the open requests.
const looksEvery = 2 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	cluster := story.Devcluster{Root: root, Out: os.Stderr}
	if !cluster.Running(ctx) {
		return errors.New("no demo is running whose merge requests could be checked: start it with make demo")
	}
	access, err := cluster.Forge(ctx)
	if err != nil {
		return err
	}
	forge, err := story.OpenForge(ctx, access)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "carrel-pipeline-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	carrel, err := cluster.BuildCarrel(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Printf("checks the merge requests of %s until you press Ctrl-C\n", forge.URL)
	for {
		if err := checkAll(ctx, forge, carrel); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(looksEvery):
		}
	}
}

// checkAll checks the open requests whose newest commit has no status of a check.
func checkAll(ctx context.Context, forge *story.Forge, carrel string) error {
	requests, err := forge.Unchecked()
	if err != nil {
		return err
	}
	for _, request := range requests {
		checked, err := forge.Check(ctx, carrel, request)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s %s\n", request.URL, checked.Status.State, checked.Status.Description)
	}
	return nil
}
