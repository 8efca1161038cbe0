package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orphanHelper makes this test's binary a supervisor that waits to be killed.
const orphanHelper = "SUPERVISE_TEST_ORPHAN_LOGS"

func TestMain(m *testing.M) {
	if logs := os.Getenv(orphanHelper); logs != "" {
		process, err := NewGroup(logs, func([]*Process) {}).Start(Command{Name: "sleeper", Args: []string{"sleep", "600"}})
		fmt.Println(process.PID, err)
		select {}
	}
	os.Exit(m.Run())
}

// eventually waits for what another process or thread brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func TestADeathIsNoticed(t *testing.T) {
	ended := make(chan string, 1)
	group := NewGroup(t.TempDir(), func(processes []*Process) {
		if reason := processes[0].Ended(); reason != "" {
			ended <- reason
		}
	})
	process, err := group.Start(Command{Name: "failing", Args: []string{"sh", "-c", "echo the cause; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	if reason := <-ended; !strings.HasPrefix(reason, "exit status 3") {
		t.Errorf("the reason given is %q", reason)
	}
	if tail := Tail(process.Log); !strings.Contains(tail, "the cause") {
		t.Errorf("the log's tail does not tell the cause: %s", tail)
	}
}

func TestKillEndsWhatAProcessStarted(t *testing.T) {
	group := NewGroup(t.TempDir(), func([]*Process) {})
	process, err := group.Start(Command{Name: "parent", Args: []string{"sh", "-c", "sleep 600 & echo $!; wait"}})
	if err != nil {
		t.Fatal(err)
	}
	var child int
	eventually(t, "the child is started", func() bool {
		log, _ := os.ReadFile(process.Log)
		child, err = strconv.Atoi(strings.TrimSpace(string(log)))
		return err == nil
	})
	group.Kill()
	if process.Ended() == "" {
		t.Error("Kill returned before the process ended")
	}
	eventually(t, "the child ended", func() bool { return !alive(child) })
}

func TestNothingOutlivesAKilledSupervisor(t *testing.T) {
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = append(os.Environ(), orphanHelper+"="+t.TempDir())
	out, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Fscan(out, &child); err != nil {
		t.Fatal(err)
	}
	if !alive(child) {
		t.Fatal("the child never ran")
	}
	if err := supervisor.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = supervisor.Wait() // it was killed
	eventually(t, "the child ended with its supervisor", func() bool { return !alive(child) })
}

func TestWaitReadyTellsWhyItGaveUp(t *testing.T) {
	cause, answer := errors.New("etcd ended"), errors.New("connection refused")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := WaitReady(ctx, func(context.Context) error { cancel(cause); return answer })
	if !errors.Is(err, cause) || !errors.Is(err, answer) {
		t.Errorf("got %q, want both %q and %q", err, cause, answer)
	}
}

// alive tells whether a process runs. One that ended and that nobody has asked
// about yet (a zombie) does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(status), ") Z ")
}
