package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// startDaemon starts the daemon and waits until the cluster is up. The daemon
// inherits the lock; this process holds it as well until Up returns.
func startDaemon(ctx context.Context, report progress.Sink, layout Layout, lock *filelock.Lock) error {
	command, events, err := launchDaemon(ctx, layout, lock)
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
	switch {
	case record.Failure != "":
		return fmt.Errorf("%s\nlogs are kept in %s until the next up or down", record.Failure, layout.Logs())
	case err == nil:
		return errors.New("the daemon was told to end")
	default:
		return fmt.Errorf("the daemon ended: %w; see %s", err, layout.path("logs", "daemon.log"))
	}
}

func launchDaemon(ctx context.Context, layout Layout, lock *filelock.Lock) (*exec.Cmd, *os.File, error) {
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
	command := exec.CommandContext(context.WithoutCancel(ctx), self, "daemon", "--name", layout.Name)
	command.Env = append(os.Environ(), marker+"="+layout.Root)
	command.Stdout, command.Stderr = log, log
	command.Dir = "/"
	command.ExtraFiles = []*os.File{lock.File(), writer}
	// The daemon gets its own session: only `up` handles Ctrl-C, and closing the
	// terminal later must not stop the cluster.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		reader.Close()
		return nil, nil, err
	}
	return command, reader, lock.SetHolder(command.Process.Pid)
}
