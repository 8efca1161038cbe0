package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mount is a directory of the machine that the node sees as its own.
type mount struct {
	// target is where.
	target string
	// source below Config.Root, or "" for memory.
	source string
}

// mounts of the node. /run and /var/log in memory hide the machine's own
// containerd, sockets and logs from the node's.
func mounts() []mount {
	return []mount{
		{target: runRoot},
		{target: logRoot},
		{target: containerdRoot, source: "containerd"},
		{target: kubeletRoot, source: "kubelet"},
		{target: cniRoot, source: "cni-state"},
		{target: VolumeRoot, source: "volumes"},
	}
}

// madeFile lists the mount points that were not there, for Sweep to remove.
const madeFile = "mount-points"

// makeMountPoints makes what the mounts need: sources, and empty directories at
// those targets that don't exist on this machine.
func (c Config) makeMountPoints() error {
	var made []string
	for _, mount := range mounts() {
		made = append(made, missing(mount.target)...)
	}
	// Written first: a crash in between must not leave a directory nobody knows of.
	if err := os.WriteFile(c.file(madeFile), []byte(strings.Join(made, "\n")), 0o644); err != nil {
		return fmt.Errorf("make mount points: %w", err)
	}
	for _, mount := range mounts() {
		if err := os.MkdirAll(mount.target, 0o755); err != nil {
			return fmt.Errorf("make mount points: %w", err)
		}
		if err := os.MkdirAll(c.file(mount.source), 0o755); err != nil {
			return fmt.Errorf("make mount points: %w", err)
		}
	}
	return nil
}

// missing lists path and those of its parents that don't exist, the deepest first.
func missing(path string) []string {
	var paths []string
	for ; ; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); err == nil {
			return paths
		}
		paths = append(paths, path)
	}
}

// removeMountPoints removes those that were made and are empty.
func removeMountPoints(root string) {
	made, err := os.ReadFile(filepath.Join(root, madeFile))
	if err != nil {
		return // the node was never begun
	}
	for path := range strings.Lines(string(made)) {
		_ = os.Remove(strings.TrimSpace(path)) // whoever put something there keeps it
	}
}
