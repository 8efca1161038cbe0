//go:build e2e

// Package e2e checks the whole system as its users meet it: a real Kubernetes
// node, Flux, Gitea, and clusters/local of this repository. The tests share
// one cluster and go through git, so each leaves the repository as it found it.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

// patience bounds each wait. It is far more than any step takes on a slow
// machine: a test that runs into it has found something stuck.
const patience = 10 * time.Minute

// The cluster all tests share.
var (
	cluster    story.Devcluster
	kubeconfig string
	c          client.WithWatch
	config     *rest.Config
	forge      *story.Forge
	gateway    story.Gateway
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cluster = story.Devcluster{Root: root, Out: os.Stderr}
	defer func() {
		if err := cluster.Down(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	if err := install(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "the cluster of the tests does not come up: %v\n", err)
		return 1
	}
	return m.Run()
}

// install brings up a cluster with every course ready.
func install(ctx context.Context) (err error) {
	if err := cluster.Up(ctx); err != nil {
		return err
	}
	if kubeconfig, err = cluster.Kubeconfig(ctx); err != nil {
		return err
	}
	if c, config, err = story.Connect(kubeconfig); err != nil {
		return err
	}
	access, err := cluster.Forge(ctx)
	if err != nil {
		return err
	}
	if forge, err = story.NewForge(ctx, access); err != nil {
		return err
	}
	if err := forge.Push(ctx, cluster.Root); err != nil {
		return err
	}
	ingress, err := cluster.Ingress(ctx)
	if err != nil {
		return err
	}
	gateway = story.Gateway{Ingress: ingress}
	if err := story.Bootstrap(ctx, c, forge, gateway, cluster.Root); err != nil {
		return err
	}
	head, err := forge.Head()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return story.Follow(ctx, time.Now(), story.Installed(forge, head), func(e story.Event) {
		fmt.Fprintf(os.Stderr, "  %6.1fs  %-22s %s\n", e.After.Seconds(), e.Name, e.Detail)
	})
}

// merge proposes the changes, merges them and returns the merge commit.
func merge(t *testing.T, title string, changes ...story.Change) (commit string) {
	t.Helper()
	request, err := forge.Propose(fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()), title, changes...)
	if err != nil {
		t.Fatal(err)
	}
	commit, err = forge.Merge(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("merged %q as %s", title, commit)
	return commit
}

// reach waits until all milestones are reached and fails naming the missing.
func reach(t *testing.T, milestones ...story.Milestone) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := story.Follow(ctx, time.Now(), milestones, func(e story.Event) {
		t.Logf("%6.1fs  %s: %s", e.After.Seconds(), e.Name, e.Detail)
	})
	if err != nil {
		t.Fatal(err)
	}
}
