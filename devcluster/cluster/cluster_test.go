package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// TestMain runs the tests' binary as a daemon when a test starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "daemon" {
		layout, err := NewLayout(os.Args[3])
		if err == nil {
			err = Daemon(layout)
		}
		if err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func silent(progress.Event) {}

func newLayout(t *testing.T) Layout {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	layout, err := NewLayout("test")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(layout.Logs(), 0o700); err != nil {
		t.Fatal(err)
	}
	return layout
}

func TestNames(t *testing.T) {
	for name, valid := range map[string]bool{
		"carrel": true, "a": true, "e2e-1": true,
		"": false, "-a": false, "a-": false, "Carrel": false, "1a": false, "a/b": false, "..": false,
		strings.Repeat("a", 30): true, strings.Repeat("a", 31): false,
	} {
		if _, err := NewLayout(name); (err == nil) != valid {
			t.Errorf("name %q: %v, want valid: %t", name, err, valid)
		}
	}
}

func TestReadSaysHowToGetAClusterThatRuns(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, layout Layout)
		want    string
	}{
		"never begun": {
			func(_ *testing.T, layout Layout) { os.RemoveAll(layout.Root) },
			"start it: devcluster up --name test",
		},
		"crashed": {
			func(*testing.T, Layout) {},
			"it crashed or failed to start",
		},
		"on its way": {
			func(t *testing.T, layout Layout) { hold(t, layout) },
			"is bringing it up",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			layout := newLayout(t)
			test.prepare(t, layout)
			_, err := Read(layout)
			if !errors.Is(err, ErrDown) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want it to say %q", err, test.want)
			}
		})
	}
}

// hold takes the cluster's lock, as a daemon does.
func hold(t *testing.T, layout Layout) {
	t.Helper()
	lock, err := filelock.Try(layout.Lock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lock.Release)
}

func TestUpOnARunningCluster(t *testing.T) {
	layout := newLayout(t)
	hold(t, layout)
	if err := writeJSON(layout.record(), Record{Name: "test", Size: ControlPlane, Ready: true}); err != nil {
		t.Fatal(err)
	}
	if err := Up(t.Context(), silent, layout, Parts{Size: ControlPlane}); !errors.Is(err, ErrRunning) {
		t.Errorf("of the same size: got %v, want %v", err, ErrRunning)
	}
	err := Up(t.Context(), silent, layout, Parts{Size: FullNode})
	if err == nil || !strings.Contains(err.Error(), "devcluster down --name test") {
		t.Errorf("of another size: got %v, want how to change it", err)
	}
}

func TestDownOfNothingIsNoError(t *testing.T) {
	layout := newLayout(t)
	os.RemoveAll(layout.Root)
	if err := Down(t.Context(), silent, layout); err != nil {
		t.Error(err)
	}
}

func TestDownRemovesWhatACrashLeft(t *testing.T) {
	layout := newLayout(t)
	left := exec.Command("sleep", "600")
	left.Env = append(os.Environ(), marker+"="+layout.Root)
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := marked(layout.Root)
	if err != nil || !slices.Equal(pids, []int{left.Process.Pid}) {
		t.Fatalf("found processes %v (%v), want %d", pids, err, left.Process.Pid)
	}
	if err := Down(t.Context(), silent, layout); err != nil {
		t.Fatal(err)
	}
	if err := left.Wait(); err == nil {
		t.Error("the process left over ended by itself, it was not killed")
	}
	remains, err := os.ReadDir(filepath.Dir(layout.Root))
	if err != nil || len(remains) > 0 {
		t.Errorf("left in the state directory: %v (%v)", remains, err)
	}
}

func TestAComponentThatDiesOnTheWayIsNamedWithItsCause(t *testing.T) {
	layout := newLayout(t)
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "etcd"), []byte("#!/bin/sh\necho no space left\nexit 4\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	plan, err := network.Choose(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(layout.spec(), Spec{Name: "test", Size: ControlPlane, Network: plan, Kubernetes: programs}); err != nil {
		t.Fatal(err)
	}
	lock, err := filelock.Try(layout.Lock())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	err = startDaemon(t.Context(), silent, layout, lock)
	for _, word := range []string{"etcd ended", "exit status 4", "no space left", layout.Logs()} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("got %v, want it to say %q", err, word)
		}
	}
}
