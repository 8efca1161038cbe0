//go:build e2e

// Package e2e checks the whole system as its users meet it: a real Kubernetes
// node, Flux, Gitea, and clusters/local of this repository. The tests share one
// cluster and go through git.
//
// A test that disturbs everything, or must not be disturbed, has the cluster to
// itself. The others call t.Parallel, which has them run beside each other after
// those: each claims a course that no other test changes, and what else it shares.
// Each leaves the repository as it found it.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

// The cluster all tests share.
var (
	cluster    story.Devcluster
	kubeconfig string
	// programs is the directory of the cluster's own programs, kubectl among them.
	programs string
	c        client.WithWatch
	config   *rest.Config
	forge    *story.Forge
	gateway  story.Gateway
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
	dir, err := os.MkdirTemp("", "carrel-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	repository = filepath.Join(dir, "repository")
	cluster = story.Devcluster{Root: root, Out: os.Stderr}
	defer func() {
		if err := cluster.Down(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	begin := time.Now()
	if err := install(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "the cluster of the tests does not come up: %v\n", err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "the cluster of the tests is up after %s\n", time.Since(begin).Round(time.Second))
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
	if programs, err = cluster.Programs(ctx); err != nil {
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
	if err := pushWithCourses(ctx, cluster.Root); err != nil {
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
	return story.Follow(ctx, time.Now(), story.Installed(forge, head, scratchCourses...), func(e story.Event) {
		fmt.Fprintf(os.Stderr, "  %s\n", e)
	})
}

// testWithin bounds a test from when it has what it claims, several times what the
// longest takes. The limit of the whole suite (make test-e2e) has room for every test
// that waits for another one to take as long.
const testWithin = 30 * time.Minute

// deadlines are the moments at which the tests that run are to have ended, by name.
var deadlines sync.Map

// reach waits until all milestones are reached. It ends the test, and names those
// that are missing, when one of them or the whole test is overdue.
func reach(t *testing.T, milestones ...story.Milestone) {
	t.Helper()
	ctx := t.Context()
	name, _, _ := strings.Cut(t.Name(), "/")
	if deadline, ok := deadlines.Load(name); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.(time.Time), fmt.Errorf("the test is not over within %s", testWithin))
		defer cancel()
	}
	story.Reach(bounded{t, ctx}, milestones...)
}

// bounded is a test with a context that ends earlier.
type bounded struct {
	*testing.T
	ctx context.Context
}

func (b bounded) Context() context.Context { return b.ctx }
