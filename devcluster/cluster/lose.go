package cluster

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// lossSignal tells the daemon to lose etcd's data.
const lossSignal = syscall.SIGUSR1

// LoseEtcd has the daemon of a full node stop the node and the control plane, delete
// etcd's data, and start both again. It returns when the empty cluster is ready. The
// node keeps its disk, and the forge keeps running.
func LoseEtcd(ctx context.Context, report progress.Sink, layout Layout) error {
	before, err := Read(layout)
	if err != nil {
		return err
	}
	if before.Size != FullNode {
		return fmt.Errorf("cluster %q has no node whose volumes would outlive etcd; only size %s has", layout.Name, FullNode)
	}
	daemon, err := filelock.Holder(layout.Lock())
	if err != nil {
		return err
	}
	return report.Do("lose etcd's data", func(*progress.Step) error {
		if err := syscall.Kill(daemon, lossSignal); err != nil {
			return fmt.Errorf("tell process %d, which runs %s, to lose etcd: %w", daemon, layout.Name, err)
		}
		for {
			var now Record
			if err := readJSON(layout.record(), &now); err != nil {
				return err
			}
			switch {
			case now.Failure != "":
				return fmt.Errorf("%s\nlogs are kept in %s until the next up or down", now.Failure, layout.Logs())
			case now.Ready && now.Losses > before.Losses:
				return nil
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(joinInterval):
			}
		}
	})
}

// loseEtcd stops everything but the forge, as when the machine is restarted, and
// starts it with an empty etcd. Certificates, addresses and images stay.
func (d *daemon) loseEtcd(ctx context.Context) error {
	d.update(func(r *Record) { r.Ready, r.Losses = false, r.Losses+1 })
	d.group.Stop("kube-scheduler", "kube-controller-manager", "kubelet", "kube-proxy", "containerd", "node", "kube-apiserver", "etcd")
	if err := os.RemoveAll(d.plane.Data); err != nil {
		return fmt.Errorf("delete etcd's data: %w", err)
	}
	if err := d.node.RenewCgroups(); err != nil {
		return err
	}
	var err error
	if d.first, err = d.startFirst(d.node); err != nil {
		return err
	}
	d.update(func(r *Record) { r.Node = d.first })
	if err := d.node.Link(ctx, d.first); err != nil {
		return err
	}
	if err := d.startContainerd(ctx, d.node); err != nil {
		return err
	}
	if err := d.startControlPlane(ctx, d.plane); err != nil {
		return err
	}
	if err := d.startNode(ctx, d.node); err != nil {
		return err
	}
	return d.startAddons(ctx)
}
