package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// inContainer finds the processes of a container among those of the file system at proc.
// The identity is as a pod's status has it, such as containerd://0a1b.
func inContainer(proc, identity string) (pids []int, err error) {
	_, id, _ := strings.Cut(identity, "://")
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "cgroup"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		// A process that has ended meanwhile has no file.
		groups, err := os.ReadFile(file)
		if err != nil || id == "" || !bytes.Contains(groups, []byte(id)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
