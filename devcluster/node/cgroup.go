package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupMount is the mount point of cgroups in every distribution.
const cgroupMount = "/sys/fs/cgroup"

// neededControllers lists the cgroup controllers without which a kubelet does not
// start.
var neededControllers = []string{"cpu", "cpuset", "memory", "pids"}

// hierarchies returns the directories in which a cgroup must be created: one for
// cgroup v2, one per controller for v1.
func hierarchies() ([]string, error) {
	unified, err := isUnified()
	if err != nil {
		return nil, err
	}
	if unified {
		return []string{cgroupMount}, nil
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil, err
	}
	var directories []string
	for _, entry := range entries {
		directory := filepath.Join(cgroupMount, entry.Name())
		var info unix.Statfs_t
		// Skip links such as cpu,cpuacct -> cpu, which would name a hierarchy
		// twice.
		if entry.IsDir() && unix.Statfs(directory, &info) == nil && info.Type == unix.CGROUP_SUPER_MAGIC {
			directories = append(directories, directory)
		}
	}
	return directories, nil
}

func isUnified() (bool, error) {
	var info unix.Statfs_t
	if err := unix.Statfs(cgroupMount, &info); err != nil {
		return false, fmt.Errorf("look at %s: %w", cgroupMount, err)
	}
	return info.Type == unix.CGROUP2_SUPER_MAGIC, nil
}

// controllers returns the names of the machine's cgroup controllers.
func controllers() ([]string, error) {
	unified, err := isUnified()
	if err != nil {
		return nil, err
	}
	if unified {
		data, err := os.ReadFile(filepath.Join(cgroupMount, "cgroup.controllers"))
		return strings.Fields(string(data)), err
	}
	directories, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, directory := range directories {
		names = append(names, strings.Split(filepath.Base(directory), ",")...)
	}
	return names, nil
}

// makeCgroups creates the parent cgroup of all pods.
func (c Config) makeCgroups() error {
	directories, err := hierarchies()
	if err != nil {
		return fmt.Errorf("make cgroups: %w", err)
	}
	for _, directory := range directories {
		cgroup := filepath.Join(directory, c.cgroup())
		if err := os.Mkdir(cgroup, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroups: %w", err)
		}
		if err := delegate(directory, cgroup); err != nil {
			return fmt.Errorf("make cgroups: %w", err)
		}
	}
	return nil
}

// delegate enables in each directory all available controllers for its children. It
// does nothing for cgroup v1, which has no such switch.
func delegate(directories ...string) error {
	for _, directory := range directories {
		data, err := os.ReadFile(filepath.Join(directory, "cgroup.controllers"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		var on []string
		for controller := range strings.FieldsSeq(string(data)) {
			on = append(on, "+"+controller)
		}
		if err := os.WriteFile(filepath.Join(directory, "cgroup.subtree_control"), []byte(strings.Join(on, " ")), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// cgroupTimeout bounds the wait for busy cgroups: the kernel frees a cgroup some
// time after its last process was killed.
const cgroupTimeout = 10 * time.Second

// removeCgroups removes the cgroups of the node called name.
func removeCgroups(name string) error {
	directories, err := hierarchies()
	if err != nil {
		return fmt.Errorf("remove cgroups: %w", err)
	}
	// With cgroup v1, runc also creates cgroups in a v2 hierarchy beside it.
	directories = append(directories, filepath.Join(cgroupMount, "unified"))
	deadline := time.Now().Add(cgroupTimeout)
	for _, directory := range directories {
		top := filepath.Join(directory, Config{Name: name}.cgroup())
		for {
			err := removeTree(top)
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("remove cgroups: %w", err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

// RenewCgroups replaces the cgroups of a node that has ended. A kubelet that starts
// asks for three seconds after each container whose cgroup it finds.
func (c Config) RenewCgroups() error {
	if err := removeCgroups(c.Name); err != nil {
		return err
	}
	return c.makeCgroups()
}

// removeTree removes a cgroup and its children. os.RemoveAll fails here, because
// the files in a cgroup can't be removed.
func removeTree(top string) error {
	var directories []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			directories = append(directories, path)
		}
		return err
	})
	for _, directory := range slices.Backward(directories) {
		err = errors.Join(err, ignoreMissing(unix.Rmdir(directory)))
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
