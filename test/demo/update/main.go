// Command update puts Carrel's programs, built from this work tree, into the
// demo's running cluster.
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
	if err := update(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func update() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	cluster := story.Devcluster{Root: root, Out: os.Stdout}
	if !cluster.Running(ctx) {
		return errors.New("no demo is running to update: start it with make demo")
	}
	kubeconfig, err := cluster.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	c, _, err := story.Connect(kubeconfig)
	if err != nil {
		return err
	}
	begin := time.Now()
	milestones, err := cluster.Update(ctx, c)
	if err != nil {
		return err
	}
	err = story.Follow(ctx, begin, milestones, func(e story.Event) { fmt.Printf("  %s\n", e) })
	if err != nil {
		return fmt.Errorf("%w; look at kubectl -n carrel-system get pods, and their logs", err)
	}
	return nil
}
