package node

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespaces are the clone(2) flags of the node's namespaces.
const Namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// First runs as the first process in the node's namespaces. It creates the node's
// mounts from root, writes a line to ready and closes it. Then it only reaps
// orphaned processes, as a machine's init does.
func First(root string, ready *os.File) error {
	if err := furnish(root); err != nil {
		return fmt.Errorf("make the node's mounts: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("let the node route: %w", err)
	}
	if _, err := ready.WriteString("ready\n"); err != nil {
		return err
	}
	ready.Close()
	reap()
	return nil
}

func furnish(root string) error {
	// After this call, no mount of the node propagates to the machine.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	for _, mount := range mounts() {
		if err := mount.make(root); err != nil {
			return fmt.Errorf("%s: %w", mount.target, err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	if err := shieldTunables(root); err != nil {
		return err
	}
	// Containers may ask for mount propagation; within the node it is allowed.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

func (m mount) make(root string) error {
	if m.source == "" {
		return unix.Mount("tmpfs", m.target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
	}
	return unix.Mount(filepath.Join(root, m.source), m.target, "", unix.MS_BIND, "")
}

func reap() {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for range children {
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 && !errors.Is(err, syscall.EINTR) {
				break
			}
		}
	}
}
