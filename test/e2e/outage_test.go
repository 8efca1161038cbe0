//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

// forgeOutage is how long the forge is away in the test: long enough for several
// attempts to fail.
const forgeOutage = 20 * time.Second

// With the forge away, carrels go on as before, and the status arrives when it
// is back.
func TestStatusArrivesAfterForgeOutage(t *testing.T) {
	const course, name = sandbox, "patient"
	l := use(t, course)
	file := l.student(name, "")
	commit := l.mergeUnseen("Add a student", file)
	reach(t, story.Synced(forge, c, commit))

	process := forgeProcess(t)
	if err := syscall.Kill(process, syscall.SIGSTOP); err != nil {
		t.Fatalf("stop the forge: %v", err)
	}
	resume := func() { _ = syscall.Kill(process, syscall.SIGCONT) }
	t.Cleanup(resume)
	reach(t, story.Ready(c, course, name))
	time.Sleep(forgeOutage) // the outage itself
	resume()

	reach(t, story.Reported(forge, course, commit, "success"))
	postedOnce(t, course, commit)
	gone := l.mergeUnseen("Drop the student", story.Change{Path: file.Path})
	reach(t, story.Reported(forge, course, gone, "success"))
}

// A reporter and a controller killed at any moment post nothing twice and make
// nothing twice.
func TestKilledControllersRepeatNothing(t *testing.T) {
	const course = sandbox
	l := use(t, course)
	var add, drop []story.Change
	for _, name := range []string{"k1", "k2", "k3", "k4", "k5", "k6"} {
		student := l.student(name, "")
		add, drop = append(add, student), append(drop, story.Change{Path: student.Path})
	}
	commit := l.mergeUnseen("Add six students", add...)
	for range 3 {
		reach(t, story.Synced(forge, c, commit))
		kubectl(t, "delete", "pods", "-n", "carrel-system", "--all", "--grace-period=0", "--force", "--wait=false")
		time.Sleep(2 * time.Second) // lets the next one get half way; nothing depends on how far
	}
	reach(t, story.Reported(forge, course, commit, "success"))
	for _, kind := range []string{"deployments", "services", "persistentvolumeclaims"} {
		names := kubectl(t, "get", kind, "-n", course, "-l", "carrel.dev/userland in (k1,k2,k3,k4,k5,k6)", "-o", "name")
		if n := countLines(names); n != 6 {
			t.Errorf("%d %s for six students:\n%s", n, kind, names)
		}
	}
	postedOnce(t, course, commit)
	gone := l.mergeUnseen("Drop them", drop...)
	reach(t, story.Reported(forge, course, gone, "success"))
}

// postedOnce checks that no status on a commit repeats the one before, and that
// there is one success.
func postedOnce(t *testing.T, course, commit string) {
	t.Helper()
	statuses, err := forge.CourseStatuses(course, commit)
	if err != nil {
		t.Fatal(err)
	}
	successes := 0
	for i, status := range statuses {
		if i > 0 && status == statuses[i-1] {
			t.Errorf("the status %v was posted twice", status)
		}
		if status.State == "success" {
			successes++
		}
	}
	if successes != 1 {
		t.Errorf("success was posted %d times, want once: %v", successes, statuses)
	}
}

// forgeProcess is the process id of the cluster's Gitea.
func forgeProcess(t *testing.T) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(cluster.Root, "bin", "devcluster"), "status").Output()
	if err != nil {
		t.Fatalf("devcluster status: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		columns := strings.Fields(line)
		if len(columns) < 2 || columns[0] != "gitea" {
			continue
		}
		pid, err := strconv.Atoi(columns[1])
		if err != nil {
			t.Fatalf("the process id of gitea: %v", err)
		}
		return pid
	}
	t.Fatalf("no process gitea in:\n%s", out)
	return 0
}
