package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// patience is how long Down waits for a daemon to stop before killing it. The
// daemon kills its components without waiting for them, so it needs about a second.
const patience = 20 * time.Second

// Down stops a cluster and removes all its files except the caches. It returns no
// error for a cluster that is not running or never existed.
func Down(ctx context.Context, report progress.Sink, layout Layout) error {
	holder, err := filelock.Holder(layout.Lock())
	if err != nil {
		return err
	}
	if holder == 0 && !layout.exists() {
		return nil
	}
	return report.Do("stop "+layout.Name, func(*progress.Step) error {
		lock, err := seize(ctx, layout, holder)
		if err != nil {
			return err
		}
		return demolish(ctx, layout, lock)
	})
}

// seize stops the process that starts or runs the cluster, and takes its lock.
func seize(ctx context.Context, layout Layout, holder int) (*filelock.Lock, error) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if holder > 0 {
			if err := syscall.Kill(holder, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return nil, fmt.Errorf("stop process %d, which runs %s: %w", holder, layout.Name, err)
			}
		}
		patient, cancel := context.WithTimeout(ctx, patience)
		lock, err := filelock.Wait(patient, layout.Lock(), func() {})
		cancel()
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			return lock, err
		}
	}
	return nil, fmt.Errorf("process %d runs %s and does not end", holder, layout.Name)
}

// demolish removes a cluster and its lock.
func demolish(ctx context.Context, layout Layout, lock *filelock.Lock) error {
	defer lock.Remove()
	return removeAll(ctx, layout)
}

// removeAll removes a cluster except for its lock.
func removeAll(ctx context.Context, layout Layout) error {
	if err := sweep(ctx, layout); err != nil {
		return err
	}
	if err := os.RemoveAll(layout.Root); err != nil {
		return fmt.Errorf("remove the cluster's state: %w", err)
	}
	return nil
}
