//go:build node

package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// snapshot lists everything of this machine that a cluster could leave behind.
type snapshot map[string][]string

func takeSnapshot(t *testing.T, state string) snapshot {
	t.Helper()
	return snapshot{
		"links":        firstWords(run(t, "ip", "-brief", "link")),
		"routes":       lines(run(t, "ip", "route")),
		"namespaces":   lines(run(t, "ip", "netns", "list")),
		"nft tables":   lines(run(t, "nft", "list", "tables")),
		"mounts":       mountPoints(t),
		"cgroups":      matches(t, "/sys/fs/cgroup/carrel-"+clusterName, "/sys/fs/cgroup/*/carrel-"+clusterName),
		"mount points": matches(t, "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni", "/opt/local-path-provisioner"),
		"node's files": matches(t, "/var/log/pods", "/var/log/containers", "/usr/libexec/kubernetes", "/run/containerd/s/*", "/run/netns/*"),
		"tunables":     tunables(t),
		"sockets":      unixSockets(t),
		"processes":    processes(t, state),
		"state":        matches(t, filepath.Join(state, "carrel", "*")),
	}
}

// mustStayClean fails the test if, when it ends, the machine is not as it was.
// What the kernel takes away in its own time is given some.
func mustStayClean(t *testing.T, state string) {
	t.Helper()
	before := takeSnapshot(t, state)
	t.Cleanup(func() {
		var diff string
		eventually(t, func() error {
			if diff = cmp.Diff(before, takeSnapshot(t, state)); diff != "" {
				return fmt.Errorf("the machine is not as it was (-before +after):\n%s", diff)
			}
			return nil
		})
	})
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Error(err)
}

func run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
	return string(out)
}

func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

func firstWords(text string) []string {
	var words []string
	for _, line := range lines(text) {
		words = append(words, strings.Fields(line)[0])
	}
	return words
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return lines(string(data))
}

func mountPoints(t *testing.T) []string {
	t.Helper()
	var points []string
	for _, line := range readLines(t, "/proc/self/mountinfo") {
		points = append(points, strings.Fields(line)[4])
	}
	slices.Sort(points)
	return points
}

func matches(t *testing.T, patterns ...string) []string {
	t.Helper()
	var paths []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

func tunables(t *testing.T) []string {
	t.Helper()
	var values []string
	for _, name := range []string{"kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/keys/root_maxkeys", "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max"} {
		value, err := os.ReadFile("/proc/sys/" + name)
		if err != nil {
			continue // not every kernel has each
		}
		values = append(values, name+" = "+strings.TrimSpace(string(value)))
	}
	return values
}

func unixSockets(t *testing.T) []string {
	t.Helper()
	ours := regexp.MustCompile(`\S*(carrel|containerd|kubelet)\S*$`)
	var sockets []string
	for _, line := range readLines(t, "/proc/net/unix") {
		if socket := ours.FindString(line); socket != "" {
			sockets = append(sockets, socket)
		}
	}
	slices.Sort(sockets)
	return slices.Compact(sockets)
}

// processes lists those that belong to a cluster with its state below state, and
// those of its pods.
func processes(t *testing.T, state string) []string {
	t.Helper()
	var found []string
	for _, directory := range matches(t, "/proc/[0-9]*") {
		environment, _ := os.ReadFile(filepath.Join(directory, "environ"))
		cgroup, _ := os.ReadFile(filepath.Join(directory, "cgroup"))
		line, _ := os.ReadFile(filepath.Join(directory, "cmdline"))
		if bytes.Contains(environment, []byte("CARREL_DEVCLUSTER="+state)) || bytes.Contains(cgroup, []byte("/carrel-"+clusterName)) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return found
}
