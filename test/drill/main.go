// Command drill rehearses the loss of a cluster. A class works, the API server's data is
// lost, and one command rebuilds the cluster from git, the Secrets and the volumes. The
// drill loses the data twice: the first time the volumes are restored before the carrels
// exist, the second time after that. It prints each step, and fails unless everybody finds
// their work.
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

// run runs the drill, and stops the cluster even if the drill failed.
func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	cluster := story.Devcluster{Root: root, Out: os.Stderr, Inventory: true}
	if cluster.Running(ctx) {
		return errors.New("a cluster is up already, and stays as it is: stop it with make demo-down")
	}
	dir, err := os.MkdirTemp("", "carrel-drill-")
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, cluster.Down(context.WithoutCancel(ctx)), os.RemoveAll(dir))
	}()
	if err := rehearse(ctx, cluster, dir); err != nil {
		return fmt.Errorf("the drill did not get to its end: %w", err)
	}
	return nil
}

func rehearse(ctx context.Context, cluster story.Devcluster, dir string) error {
	d := &drill{cluster: cluster, dir: dir, out: os.Stdout, begin: time.Now()}
	for _, act := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"A class works, one student is dropped, one begins again", d.term},
		{"The nightly inventory is taken, and etcd is lost", d.lose},
		{"One command rebuilds the cluster: volumes first", d.rebuild},
		{"Everybody finds their work", d.check},
		{"The inventory is taken again, and etcd is lost again", d.lose},
		{"Somebody starts git without the volumes: carrels first, and a student works", d.carrelsFirst},
		{"The same command", d.rebuild},
		{"Everybody finds their work, and what was written meanwhile is kept", d.checkMeanwhile},
		{"One student's files are lost: their volume comes back from a backup", d.backup},
	} {
		d.heading(act.title)
		if err := act.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", act.title, err)
		}
	}
	return d.summary()
}
