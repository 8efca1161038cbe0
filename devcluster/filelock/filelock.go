// Package filelock locks a file among processes. The kernel gives the lock up
// when its last holder ends, however it ends, so a crash leaves none behind.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrHeld is returned by Try when another process holds the lock.
var ErrHeld = errors.New("held by another process")

// pollInterval is how often Wait tries again. flock could block instead, but
// then it could not be given up when the context ends.
const pollInterval = 100 * time.Millisecond

// Lock is a lock this process holds.
type Lock struct {
	file *os.File
}

// Try takes the lock at path, or returns ErrHeld. The file then holds this
// process's id, which Holder reads.
func Try(path string) (*Lock, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("lock %s: %w", path, ErrHeld)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if stillAt(path, file) {
			lock := &Lock{file: file}
			return lock, lock.SetHolder(os.Getpid())
		}
		file.Close() // the last holder removed the file meanwhile
	}
}

// Wait takes the lock at path, waiting until it is free. It calls waiting once
// if it has to.
func Wait(ctx context.Context, path string, waiting func()) (*Lock, error) {
	for first := true; ; first = false {
		lock, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// File is what a parent hands down to a child that is to hold the lock too: the
// lock stays held until both have closed it.
func (l *Lock) File() *os.File { return l.file }

// SetHolder records which process holds the lock.
func (l *Lock) SetHolder(pid int) error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

// Release gives the lock up and leaves the file.
func (l *Lock) Release() { l.file.Close() }

// Remove removes the file and gives the lock up.
func (l *Lock) Remove() {
	os.Remove(l.file.Name())
	l.file.Close()
}

// Holder is the process that holds the lock at path, or 0 if none does.
func Holder(path string) (int, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read lock: %w", err)
	}
	defer file.Close()
	if syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0, nil
	}
	data := make([]byte, 32)
	n, _ := file.ReadAt(data, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(data[:n])))
	if err != nil {
		return 0, fmt.Errorf("read lock %s: %w", path, err)
	}
	return pid, nil
}

func stillAt(path string, file *os.File) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(held, now)
}
