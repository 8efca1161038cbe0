// Command demo shows Carrel to a newcomer, for real: it brings up Kubernetes,
// Flux and a forge on this machine, merges a student into a course, and tells
// what happened when. The cluster stays up to look at until `make demo-down`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

// patience bounds each wait; on a slow machine the first start of everything
// takes minutes.
const patience = 15 * time.Minute

func main() {
	if err := show(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// show runs the demo, and stops the cluster when it did not get to its end.
func show() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	cluster := story.Devcluster{Root: root, Out: os.Stdout}
	if cluster.Running(ctx) {
		return errors.New("a cluster is up already, and stays as it is: look around in it (bin/devcluster status), or stop it with make demo-down")
	}
	if err := run(ctx, cluster, os.Stdout); err != nil {
		err = fmt.Errorf("the demo did not get to its end: %w", err)
		fmt.Fprintf(os.Stderr, "\n%v\n\nstopping the cluster\n", err)
		// The context may be what ended; stopping needs one that has not.
		return errors.Join(err, cluster.Down(context.WithoutCancel(ctx)))
	}
	return nil
}

func run(ctx context.Context, cluster story.Devcluster, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "carrel-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	begin := time.Now()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }

	say("\n1. A real Kubernetes, Flux and forge on this machine")
	carrel, err := bringUp(ctx, cluster, dir)
	if err != nil {
		return err
	}
	kubeconfig, err := cluster.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	access, err := cluster.Forge(ctx)
	if err != nil {
		return err
	}
	c, _, err := story.Connect(kubeconfig)
	if err != nil {
		return err
	}

	say("\n2. This repository goes to the forge, and Flux is told to follow it")
	forge, gateway, err := follows(ctx, out, cluster, c, access)
	if err != nil {
		return err
	}

	say("\n3. A teacher adds a student: one line, one merge request")
	if err := addStudent(ctx, out, c, forge, cluster.Root, carrel); err != nil {
		return err
	}
	say("\n4. The student comes for the first time: logs in, waits behind a page, works")
	if err := openCarrel(ctx, out, c, forge, gateway); err != nil {
		return err
	}

	if err := showAround(ctx, out, c, gateway); err != nil {
		return err
	}
	say("\nUp after %s. Look around with\n  export KUBECONFIG=%s\n  kubectl get courses,templates,userlands -A\n"+
		"and at the forge: %s (user %s, token %s)\nHave merge requests there checked with: make demo-pipeline\nStop it with: make demo-down",
		time.Since(begin).Round(time.Second), kubeconfig, forge.URL, access.User, access.Token)
	return nil
}

// bringUp starts the cluster, and builds the command line, which plays the pipeline of
// the merge request, into a directory. It is linked while the node waits for its
// add-ons.
func bringUp(ctx context.Context, cluster story.Devcluster, dir string) (carrel string, err error) {
	parts, both := errgroup.WithContext(ctx)
	parts.Go(func() error { return cluster.Up(both) })
	parts.Go(func() (err error) {
		carrel, err = cluster.BuildCarrel(both, dir)
		return err
	})
	return carrel, parts.Wait()
}

// follows pushes the repository to the forge, has Flux follow it, and waits until all
// courses are ready.
func follows(ctx context.Context, out io.Writer, cluster story.Devcluster, c client.Client, access story.ForgeAccess) (*story.Forge, story.Gateway, error) {
	forge, err := story.NewForge(ctx, access)
	if err != nil {
		return nil, story.Gateway{}, err
	}
	if err := forge.Push(ctx, cluster.Root); err != nil {
		return nil, story.Gateway{}, err
	}
	gateway, err := bootstrap(ctx, cluster, c, forge)
	if err != nil {
		return nil, story.Gateway{}, err
	}
	head, err := forge.Head()
	if err != nil {
		return nil, story.Gateway{}, err
	}
	return forge, gateway, follow(ctx, out, time.Now(), story.Installed(forge, head))
}

// bootstrap tells Flux to follow the repository.
func bootstrap(ctx context.Context, cluster story.Devcluster, c client.Client, forge *story.Forge) (story.Gateway, error) {
	ingress, err := cluster.Ingress(ctx)
	if err != nil {
		return story.Gateway{}, err
	}
	gateway := story.Gateway{Ingress: ingress}
	return gateway, story.Bootstrap(ctx, c, forge, gateway, cluster.Root)
}

// showAround tells what runs, and how to come in.
func showAround(ctx context.Context, out io.Writer, c client.Client, gateway story.Gateway) error {
	_, _ = fmt.Fprintln(out, "\n5. The carrels that run")
	if err := printCarrels(ctx, out, c); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, "\n6. Come in, by a browser on this machine (nobody vouches for the certificate: let it pass once for each address)")
	if err := printDoors(out, gateway); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, "\n7. Metrics for Prometheus")
	return printMetrics(ctx, out, c)
}

// follow shows milestones as they are reached.
func follow(ctx context.Context, out io.Writer, begin time.Time, milestones []story.Milestone) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return story.Follow(ctx, begin, milestones, func(e story.Event) {
		_, _ = fmt.Fprintf(out, "  %6.1fs  %-22s %s\n", e.After.Seconds(), e.Name, e.Detail)
	})
}
