package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// programPackages lists the programs a node needs and the Debian packages that
// contain them.
var programPackages = []struct{ program, debian string }{
	{"containerd", "containerd"},
	{"containerd-shim-runc-v2", "containerd"},
	{"ctr", "containerd"},
	{"runc", "runc"},
	{filepath.Join(cniPrograms, "ptp"), "containernetworking-plugins"},
	{filepath.Join(cniPrograms, "host-local"), "containernetworking-plugins"},
	{"nft", "nftables"},
	{"ip", "iproute2"},
	{"nsenter", "util-linux"},
	{"mount", "mount"},
	{"git", "git"}, // the forge's
}

// Check returns an error that names everything that prevents a node with its state
// at root on this machine, each with its cure. It changes nothing.
func Check(ctx context.Context, root string) error {
	if os.Geteuid() != 0 {
		return errors.New("size node needs root, for namespaces and cgroups: run it with sudo, or use --size control-plane, which needs none")
	}
	return errors.Join(checkPrograms(), checkCgroups(), checkNamespaces(ctx), checkRoot(root))
}

func checkPrograms() error {
	var absent, packages []string
	for _, need := range programPackages {
		if _, err := exec.LookPath(need.program); err != nil {
			absent = append(absent, need.program)
			packages = append(packages, need.debian)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	slices.Sort(packages)
	return fmt.Errorf("size node needs %s: apt-get install %s", strings.Join(absent, ", "), strings.Join(slices.Compact(packages), " "))
}

func checkCgroups() error {
	available, err := controllers()
	if err != nil {
		return fmt.Errorf("size node needs cgroups: %w; mount them, or use --size control-plane", err)
	}
	for _, need := range neededControllers {
		if !slices.Contains(available, need) {
			return fmt.Errorf("size node needs the cgroup controller %q, and %s has only %v: switch it on (kernel command line, container's options), or use --size control-plane", need, cgroupMount, available)
		}
	}
	top := filepath.Join(cgroupMount, "carrel-check")
	if unified, _ := isUnified(); !unified {
		top = filepath.Join(cgroupMount, "memory", "carrel-check")
	}
	if err := os.Mkdir(top, 0o755); err != nil {
		return fmt.Errorf("size node needs cgroups it may write: %w; mount %s writable, or use --size control-plane", err, cgroupMount)
	}
	return os.Remove(top)
}

// checkNamespaces tries to create namespaces, because a container may forbid that
// even to root. The namespaces end with the test command.
func checkNamespaces(ctx context.Context) error {
	try := exec.CommandContext(ctx, "nft", "list", "tables")
	try.SysProcAttr = &syscall.SysProcAttr{Cloneflags: Namespaces}
	if out, err := try.CombinedOutput(); err != nil {
		return fmt.Errorf("size node needs namespaces, and nf_tables in them: %w: %s; give this container the privileges (CAP_SYS_ADMIN, CAP_NET_ADMIN), load the kernel module nf_tables, or use --size control-plane", err, out)
	}
	return nil
}

// checkRoot refuses a state directory that the node's own mounts would hide from
// the node.
func checkRoot(root string) error {
	for _, mount := range mounts() {
		if mount.source == "" && strings.HasPrefix(root+"/", mount.target+"/") {
			return fmt.Errorf("the state of a node can't lie in %s: set XDG_STATE_HOME to another directory", mount.target)
		}
	}
	return nil
}
