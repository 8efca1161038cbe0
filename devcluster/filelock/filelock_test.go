package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func take(t *testing.T, path string) *Lock {
	t.Helper()
	lock, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

func TestALockIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock := take(t, path)
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Errorf("a second taker got %v, want %v", err, ErrHeld)
	}
	lock.Release()
	take(t, path).Release()
}

func TestTheHolderIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := func(want int) {
		t.Helper()
		if got, err := Holder(path); err != nil || got != want {
			t.Errorf("holder is %d (%v), want %d", got, err, want)
		}
	}
	holder(0)
	lock := take(t, path)
	holder(os.Getpid())
	if err := lock.SetHolder(7); err != nil {
		t.Fatal(err)
	}
	holder(7)
	lock.Release()
	holder(0)
}

func TestWaitGetsALockWhoseFileWasRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock := take(t, path)
	waited := false
	second, err := Wait(t.Context(), path, func() { waited = true; lock.Remove() })
	if err != nil {
		t.Fatal(err)
	}
	if !waited {
		t.Error("took a lock that was held")
	}
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Errorf("the lock waited for is not held: a third taker got %v", err)
	}
	second.Remove()
}

func TestWaitEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	defer take(t, path).Release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, path, func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}
