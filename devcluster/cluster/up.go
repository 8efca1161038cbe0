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
	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// ErrRunning is returned by Up when the cluster is running already.
var ErrRunning = errors.New("is running already")

// Up starts a cluster of the given parts and returns when it is ready. If that
// fails or ctx ends, Up removes the cluster; after a failure it keeps the logs.
func Up(ctx context.Context, report progress.Sink, layout Layout, parts Parts) error {
	if err := os.MkdirAll(filepath.Dir(layout.Root), 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	lock, err := filelock.Try(layout.Lock())
	if errors.Is(err, filelock.ErrHeld) {
		return joinRunning(ctx, layout, parts.Size)
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := raise(ctx, report, layout, parts, lock); err != nil {
		// ctx may have ended, but the cleanup must still run.
		cleaning := context.WithoutCancel(ctx)
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), demolish(cleaning, layout, lock))
		}
		return errors.Join(err, sweep(cleaning, layout))
	}
	return nil
}

// raise starts the cluster. The caller must hold the lock.
func raise(ctx context.Context, report progress.Sink, layout Layout, parts Parts, lock *filelock.Lock) error {
	if parts.Size == FullNode {
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
	cache, err := program.DefaultCache()
	if err != nil {
		return err
	}
	prepared, err := Prepare(ctx, report, cache, parts)
	if err != nil {
		return err
	}
	spec, err := describe(ctx, layout, parts.Size, prepared)
	if err != nil {
		return err
	}
	if err := writeJSON(layout.spec(), spec); err != nil {
		return err
	}
	return startDaemon(ctx, report, layout, lock)
}

// joinRunning waits for another process that is starting the cluster. It returns
// ErrRunning once the cluster is up.
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

// joinInterval is the polling interval of joinRunning.
const joinInterval = 200 * time.Millisecond
