package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// ErrRunning says that there was nothing to do.
var ErrRunning = errors.New("is running already")

// Up brings a cluster up and returns when it is ready. If that fails or ctx
// ends, nothing of it stays but the logs of a failure.
func Up(ctx context.Context, report progress.Sink, layout Layout, size Size) error {
	if err := os.MkdirAll(filepath.Dir(layout.Root), 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	lock, err := filelock.Try(layout.Lock())
	if errors.Is(err, filelock.ErrHeld) {
		return joinRunning(ctx, layout, size)
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := raise(ctx, report, layout, size, lock); err != nil {
		// What ended may be ctx: cleaning up must not end with it.
		cleaning := context.WithoutCancel(ctx)
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), demolish(cleaning, layout, lock))
		}
		return errors.Join(err, sweep(cleaning, layout))
	}
	return nil
}

// raise is Up for one who holds the lock.
func raise(ctx context.Context, report progress.Sink, layout Layout, size Size, lock *filelock.Lock) error {
	if size == FullNode {
		if err := errors.Join(node.Unclaimed(ctx), node.Check(ctx, layout.Root)); err != nil {
			return err
		}
	}
	if layout.exists() {
		err := report.Do("remove what a crash left", func(*progress.Step) error { return removeAll(ctx, layout) })
		if err != nil {
			return err
		}
	}
	if err := os.MkdirAll(layout.Logs(), 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	spec, err := prepare(ctx, report, layout, size)
	if err != nil {
		return err
	}
	if err := writeJSON(layout.spec(), spec); err != nil {
		return err
	}
	return startDaemon(ctx, report, layout, lock)
}

// joinRunning waits for a cluster that somebody else is bringing up, or finds
// it up.
func joinRunning(ctx context.Context, layout Layout, size Size) error {
	for {
		var record Record
		err := readJSON(layout.record(), &record)
		switch {
		case err == nil && record.Ready && record.Size != size:
			return fmt.Errorf("%q is up with size %s; to change it: devcluster down --name %s", layout.Name, record.Size, layout.Name)
		case err == nil && record.Ready:
			return ErrRunning
		case err == nil && record.Failure != "":
			return fmt.Errorf("another devcluster failed to bring %q up: %s", layout.Name, record.Failure)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(joinInterval):
		}
		if pid, err := filelock.Holder(layout.Lock()); err == nil && pid == 0 {
			return fmt.Errorf("another devcluster stopped bringing %q up; try again", layout.Name)
		}
	}
}

// joinInterval is how often joinRunning looks.
const joinInterval = 200 * time.Millisecond
