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

// sweep removes whatever a cluster left outside its state directory, in
// whatever way it ended. Almost nothing is left then: the kernel ends the
// components with the daemon, and with the node's first process all its others,
// its mounts, its links and its tables.
func sweep(ctx context.Context, layout Layout) error {
	if err := killMarked(layout.Root); err != nil {
		return err
	}
	return node.Sweep(ctx, layout.Name, layout.node())
}

// killTimeout is how long killed processes may take to vanish.
const killTimeout = 10 * time.Second

// killMarked kills every process that bears root as its marker: for example a
// git that Gitea had started.
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

// marked lists the processes that bear root as their marker. Those of other
// users can't be read, and are not ours.
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
