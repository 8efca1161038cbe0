package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mount is a mount that exists only in the node's namespaces.
type mount struct {
	// target is the mount point.
	target string
	// source is a path relative to Config.Root, or empty for a tmpfs.
	source string
}

// mounts returns the node's mounts. The tmpfs at /run and /var/log hide the
// machine's own containerd, sockets and logs from the node.
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

// madeFile lists the mount points that makeMountPoints created, so that Sweep can
// remove them.
const madeFile = "mount-points"

// makeMountPoints creates the sources of the mounts, and the targets that don't
// exist on this machine.
func (c Config) makeMountPoints() error {
	var made []string
	for _, mount := range mounts() {
		made = append(made, missing(mount.target)...)
	}
	// Write the list first: after a crash in between, Sweep must know every
	// directory that was created.
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

// missing returns path and its parents as far as they don't exist, the deepest
// first.
func missing(path string) []string {
	var paths []string
	for ; ; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); err == nil {
			return paths
		}
		paths = append(paths, path)
	}
}

// removeMountPoints removes the mount points that makeMountPoints created and that
// are empty.
func removeMountPoints(root string) {
	made, err := os.ReadFile(filepath.Join(root, madeFile))
	if err != nil {
		return // the node was never begun
	}
	for path := range strings.Lines(string(made)) {
		_ = os.Remove(strings.TrimSpace(path)) // whoever put something there keeps it
	}
}
