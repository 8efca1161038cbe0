package cluster

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/devcluster/controlplane"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/pki"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/supervise"
)

// File descriptors that the daemon inherits from `up`.
const (
	lockDescriptor   = 3 // open as long as the daemon lives: holds the cluster's lock
	eventsDescriptor = 4 // a pipe for progress; its end says that starting is over
)

// startTimeout bounds a start whose programs and images are built already. A start
// takes less than a minute on two idle cores, and longer on a busy machine.
const startTimeout = 10 * time.Minute

// daemon is the state of the process that runs a cluster.
type daemon struct {
	layout Layout
	spec   Spec
	report progress.Sink
	group  *supervise.Group
	// first is the PID of the process that holds the node's namespaces.
	first int
	// node and plane are what the node and the control plane were started with.
	node  node.Config
	plane controlplane.Config

	mu     sync.Mutex
	record Record
	// fail cancels the start when a component ends during it.
	fail context.CancelCauseFunc
}

// Daemon starts the cluster of layout and runs it until it receives SIGTERM.
func Daemon(layout Layout) error {
	events := inherited(eventsDescriptor, "events")
	// The process holds this descriptor until it ends. It is not wrapped in an
	// os.File, because Go would close an unused one.
	syscall.CloseOnExec(lockDescriptor)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	d := &daemon{layout: layout, report: progress.Encode(events)}
	if err := readJSON(layout.spec(), &d.spec); err != nil {
		return err
	}
	d.record = Record{Name: d.spec.Name, Size: d.spec.Size, Started: time.Now().UTC()}
	if d.spec.Size == FullNode {
		release, err := node.Claim(ctx, node.Owner{Name: d.spec.Name, State: layout.Root})
		if err != nil {
			return err
		}
		defer release()
	}
	d.group = supervise.NewGroup(layout.Logs(), d.noteProcesses)
	defer d.group.Kill()

	losses := make(chan os.Signal, 1)
	signal.Notify(losses, lossSignal)
	if err := d.bounded(ctx, d.start); err != nil {
		return err
	}
	events.Close()
	d.report = func(progress.Event) {} // nobody reads the pipe any more
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-losses:
			if err := d.bounded(ctx, d.loseEtcd); err != nil {
				return err
			}
		}
	}
}

// bounded runs a start of components, and records whether the cluster is then ready.
func (d *daemon) bounded(ctx context.Context, start func(context.Context) error) error {
	starting, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	d.update(func(*Record) { d.fail = fail })
	limited, cancel := context.WithTimeoutCause(starting, startTimeout, fmt.Errorf("not up after %s", startTimeout))
	defer cancel()
	err := start(limited)
	d.update(func(r *Record) {
		r.Ready = err == nil
		if err != nil {
			r.Failure = err.Error()
		}
	})
	return err
}

// inherited opens a descriptor from the parent process. It marks the descriptor
// close-on-exec: children would otherwise keep the pipe open after the daemon's
// death.
func inherited(descriptor int, name string) *os.File {
	syscall.CloseOnExec(descriptor)
	return os.NewFile(uintptr(descriptor), name)
}

// start starts all components, in parallel where they do not depend on each other.
func (d *daemon) start(ctx context.Context) error {
	authority, err := pki.NewAuthority(d.layout.path("pki"))
	if err != nil {
		return err
	}
	if d.spec.Size == FullNode {
		return d.startFullNode(ctx, authority)
	}
	plane, err := d.prepareControlPlane(ctx, "127.0.0.1", authority)
	if err != nil {
		return err
	}
	return d.startControlPlane(ctx, plane)
}

func (d *daemon) run(name string, arguments ...string) error {
	_, err := d.group.Start(supervise.Command{Name: name, Args: arguments})
	return err
}

// noteProcesses records the running components. A component that ends during the
// start fails the start; a later end is only recorded, for `status` to show.
func (d *daemon) noteProcesses(processes []*supervise.Process) {
	components := make([]Component, len(processes))
	var dead error
	for i, process := range processes {
		components[i] = Component{Name: process.Name, PID: process.PID, Log: process.Log, Ended: process.Ended()}
		if components[i].Ended != "" {
			dead = fmt.Errorf("%s ended: %s\n%s", process.Name, process.Ended(), supervise.Tail(process.Log))
		}
	}
	d.update(func(r *Record) {
		r.Components = components
		if dead != nil {
			d.fail(dead)
		}
	})
}

// update changes the record and writes it to disk. If writing fails, update logs
// the error and the cluster keeps running.
func (d *daemon) update(change func(*Record)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.record)
	if err := writeJSON(d.layout.record(), d.record); err != nil && d.layout.exists() {
		fmt.Fprintln(os.Stderr, "write the cluster's record:", err)
	}
}
