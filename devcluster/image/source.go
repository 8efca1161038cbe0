package image

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
)

// sourceLayer compiles a command of this module when its image is built.
type sourceLayer struct {
	command string
	// folder is the command's directory, relative to the root of this module.
	folder string
}

func (l sourceLayer) name() string { return l.command }

// key depends on the files in the command's folder and, through go.sum, on its
// dependencies.
func (l sourceLayer) key(context.Context, Builder) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(root, l.folder, "*"))
	if err != nil {
		return "", err
	}
	parts := []string{runtime.Version(), runtime.GOARCH}
	for _, file := range append(slices.Sorted(slices.Values(files)), filepath.Join(root, "go.sum")) {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read source of %s: %w", l.command, err)
		}
		parts = append(parts, string(content))
	}
	return keyOf(parts...), nil
}

func (l sourceLayer) write(ctx context.Context, _ Builder, file string) (err error) {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	binary := filepath.Join(filepath.Dir(file), l.command)
	defer remove(binary, &err)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./"+l.folder)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if err := run(ctx, build); err != nil {
		return err
	}
	return writeBinary(file, l.command, binary)
}

// moduleRoot returns the directory of devcluster's go.mod in the source tree from
// which this program was built.
func moduleRoot() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(file))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return "", fmt.Errorf("find own sources: %w; build devcluster again in the source tree, without -trimpath", err)
	}
	return root, nil
}

// run runs command, which must be created with ctx. If the command fails, the error
// contains the end of its output. When ctx ends, run kills the whole process group.
func run(ctx context.Context, command *exec.Cmd) error {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	err := command.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		const last = 4000
		tail := said.Bytes()
		return fmt.Errorf("%s: %w\n%s", filepath.Base(command.Path), err, tail[max(0, len(tail)-last):])
	}
	return nil
}

// remove deletes path, so that the cache does not keep an intermediate file. It
// joins a failure to err.
func remove(path string, err *error) {
	*err = errors.Join(*err, os.RemoveAll(path))
}

// checkStatic refuses a dynamically linked binary, because the image has no C
// library.
func checkStatic(binary string) error {
	file, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("read program %s: %w", binary, err)
	}
	defer func() { _ = file.Close() }()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically; build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}
