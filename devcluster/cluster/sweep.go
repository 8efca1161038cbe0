package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/devcluster/node"
)

// sweep removes everything that a cluster left outside its state directory, even
// after a crash. Little is left: the kernel kills the components with the daemon.
// With the node's first process it ends the node's other processes, mounts, links
// and nftables rules.
func sweep(ctx context.Context, layout Layout) error {
	if err := killMarked(layout.Root); err != nil {
		return err
	}
	return node.Sweep(ctx, layout.Name, layout.node())
}

// killTimeout bounds the wait for killed processes to disappear.
const killTimeout = 10 * time.Second

// killMarked kills every process whose marker is root, for example a git started by
// Gitea.
func killMarked(root string) error {
	for deadline := time.Now().Add(killTimeout); ; time.Sleep(20 * time.Millisecond) {
		pids, err := marked(root)
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of the cluster in %s do not end", pids, root)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// marked returns the PIDs of the processes whose marker is root. Processes of other
// users can't be read, and never belong to the cluster.
func marked(root string) ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	want := []byte(marker + "=" + root)
	var pids []int
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for variable := range bytes.SplitSeq(data, []byte{0}) {
			if bytes.Equal(variable, want) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}
