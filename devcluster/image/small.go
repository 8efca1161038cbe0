package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// pause holds a pod's namespaces open.
var pause = recipe{
	tag:    "dev",
	layers: []layer{sourceLayer{command: "pause", folder: "image/pause"}},
	config: staticConfig("pause"),
}

// busybox has a shell and the usual small tools. It runs as root, like the public
// image of that name.
var busybox = recipe{
	tag:    "1.35",
	layers: []layer{busyboxLayer{}},
	config: v1.Config{Env: []string{searchPath}, Cmd: []string{"sh"}},
}

// busyboxLayer holds the program of Debian's busybox-static and a link for each
// tool.
type busyboxLayer struct{}

func (busyboxLayer) name() string { return "busybox" }

func (busyboxLayer) key(context.Context, Builder) (string, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(path)
	return keyOf("1", string(content)), err
}

func (busyboxLayer) write(ctx context.Context, _ Builder, file string) error {
	binary, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	if err := checkStatic(binary); err != nil {
		return fmt.Errorf("%w; install the package busybox-static in place of busybox", err)
	}
	applets, err := exec.CommandContext(ctx, binary, "--list").Output()
	if err != nil {
		return fmt.Errorf("list the tools in busybox: %w", err)
	}
	executable, err := copyOf("/bin/busybox", 0o755, binary)
	if err != nil {
		return err
	}
	return writeLayer(file, append(busyboxEntries(strings.Fields(string(applets))), executable))
}

// busyboxEntries returns all entries of the layer except the program.
func busyboxEntries(applets []string) []entry {
	entries := []entry{
		directory("/bin", 0o755),
		directory("/etc", 0o755),
		directory("/root", 0o700),
		directory("/tmp", 0o1777),
		directory("/usr", 0o755),
		directory("/usr/bin", 0o755),
		symlink("/usr/bin/env", "/bin/busybox"),
		text("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n"),
		text("/etc/group", 0o644, "root:x:0:\n"),
	}
	for _, applet := range applets {
		if applet != "busybox" {
			entries = append(entries, symlink("/bin/"+applet, "busybox"))
		}
	}
	return entries
}
