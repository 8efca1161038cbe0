package image

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
)

// sourceLayer is a command of this module, compiled when its image is built.
type sourceLayer struct {
	command string
	// folder of the command, from the root of this module.
	folder string
}

func (l sourceLayer) name() string { return l.command }

// key depends on the command's own files and, through go.sum, on its dependencies.
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

func (l sourceLayer) write(ctx context.Context, _ Builder, file string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	binary := filepath.Join(filepath.Dir(file), l.command)
	defer os.Remove(binary)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./"+l.folder)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if err := run(ctx, build); err != nil {
		return err
	}
	return writeBinary(file, l.command, binary)
}

// moduleRoot is the folder of devcluster's go.mod in the source tree that this
// program was built in.
func moduleRoot() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(file))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return "", fmt.Errorf("find own sources: %w; build devcluster again in the source tree, without -trimpath", err)
	}
	return root, nil
}

// run runs command, which was made with ctx, and on failure tells the end of what
// it said. When ctx ends, what the command has started ends with it.
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

// checkStatic refuses a binary that would miss a C library in an image without one.
func checkStatic(binary string) error {
	file, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("read program %s: %w", binary, err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically; build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}
