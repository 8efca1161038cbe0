package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/program"
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
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), demolish(layout, lock))
		}
		return errors.Join(err, sweep(layout))
	}
	return nil
}

// raise is Up for one who holds the lock.
func raise(ctx context.Context, report progress.Sink, layout Layout, size Size, lock *filelock.Lock) error {
	if layout.exists() {
		err := report.Do("remove what a crash left", func(*progress.Step) error { return removeAll(layout) })
		if err != nil {
			return err
		}
	}
	spec, err := prepare(ctx, report, layout, size)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(layout.Logs(), 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	if err := writeJSON(layout.spec(), spec); err != nil {
		return err
	}
	return startDaemon(ctx, report, layout, lock)
}

// prepare builds what the cluster is made of, or finds it in the cache.
func prepare(ctx context.Context, report progress.Sink, layout Layout, size Size) (Spec, error) {
	cache, err := program.DefaultCache()
	if err != nil {
		return Spec{}, err
	}
	spec := Spec{Name: layout.Name, Size: size}
	if spec.Kubernetes, err = cache.Build(ctx, report, program.Kubernetes); err != nil {
		return spec, err
	}
	if size == FullNode {
		spec.Gitea, err = cache.Build(ctx, report, program.Gitea)
	}
	return spec, err
}

// startDaemon starts the daemon and waits until it says that the cluster is up.
// The lock passes to it and stays here as well until Up is over.
func startDaemon(ctx context.Context, report progress.Sink, layout Layout, lock *filelock.Lock) error {
	command, events, err := launchDaemon(layout, lock)
	if err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	defer events.Close()
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Signal(syscall.SIGTERM) })
	defer stop()

	if err := progress.Decode(events, report); err != nil {
		return err
	}
	var record Record
	if err := readJSON(layout.record(), &record); err == nil && record.Ready && ctx.Err() == nil {
		return lock.SetHolder(command.Process.Pid)
	}
	err = <-ended
	if record.Failure != "" {
		return fmt.Errorf("%s\nlogs are kept in %s until the next up or down", record.Failure, layout.Logs())
	}
	return fmt.Errorf("the daemon ended: %v; see %s", err, layout.path("logs", "daemon.log"))
}

func launchDaemon(layout Layout, lock *filelock.Lock) (*exec.Cmd, *os.File, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	log, err := os.Create(layout.path("logs", "daemon.log"))
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer writer.Close()
	command := exec.Command(self, "daemon", "--name", layout.Name)
	command.Env = append(os.Environ(), marker+"="+layout.Root)
	command.Stdout, command.Stderr = log, log
	command.Dir = "/"
	command.ExtraFiles = []*os.File{lock.File(), writer}
	// A session of its own: Ctrl-C is for `up` to deal with, and closing the
	// terminal later must not end the cluster.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		reader.Close()
		return nil, nil, err
	}
	return command, reader, lock.SetHolder(command.Process.Pid)
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
