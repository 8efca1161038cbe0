package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// courseImages are the images the courses of clusters/local run, as devcluster
// calls them.
var courseImages = []string{"code-server", "mariadb", "phpmyadmin", "webterm"}

// processes are those of Carrel, built from the work tree.
var processes = []string{"carrel-controller", "carrel-gateway"}

// ImageOf is the image of one of them.
func ImageOf(process string) string { return "carrel.local/" + process + ":dev" }

// Devcluster is the development cluster, driven by its command.
type Devcluster struct {
	// Root is the top of the repository.
	Root string
	// Out is shown the progress.
	Out io.Writer
}

// ForgeAccess is where the cluster's Gitea is and how its administrator gets in.
type ForgeAccess struct {
	// URL is its address, the same from this machine and from pods.
	URL string `json:"url"`
	// User is the administrator.
	User string `json:"user"`
	// Token is the administrator's access token.
	Token string `json:"token"`
	// Issuer is its address as an OpenID Connect provider.
	Issuer string `json:"issuer"`
}

// Up starts the full node and loads every image the courses and Carrel need.
func (d Devcluster) Up(ctx context.Context) error {
	if err := d.show(ctx, "up"); err != nil {
		return err
	}
	archives, err := d.output(ctx, append([]string{"image"}, courseImages...)...)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "carrel-processes-")
	if err != nil {
		return fmt.Errorf("make a directory for Carrel's images: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	load := append([]string{"load"}, strings.Fields(archives)...)
	for _, process := range processes {
		archive, err := d.build(ctx, process, dir)
		if err != nil {
			return err
		}
		load = append(load, archive)
	}
	return d.show(ctx, load...)
}

// Running reports whether the cluster is up.
func (d Devcluster) Running(ctx context.Context) bool { return d.command(ctx, "status").Run() == nil }

// build compiles a process and packs it as an image archive in a directory.
func (d Devcluster) build(ctx context.Context, process, dir string) (archive string, err error) {
	start := time.Now()
	binary := filepath.Join(dir, process)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/"+process)
	build.Dir = d.Root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", process, err, out)
	}
	archive = filepath.Join(dir, process+".tar")
	_, err = d.output(ctx, "image", "--binary", binary, "--name", ImageOf(process), "--output", archive)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(d.Out, "  built %s from this work tree (%.0fs)\n", ImageOf(process), time.Since(start).Seconds())
	return archive, nil
}

// Down stops the cluster and leaves nothing behind.
func (d Devcluster) Down(ctx context.Context) error { return d.show(ctx, "down") }

// Kubeconfig is the path of the administrator's kubeconfig.
func (d Devcluster) Kubeconfig(ctx context.Context) (string, error) {
	out, err := d.output(ctx, "kubeconfig")
	return strings.TrimSpace(out), err
}

// Ingress is host and port on this machine that lead to the gateway.
func (d Devcluster) Ingress(ctx context.Context) (string, error) {
	out, err := d.output(ctx, "ingress")
	return strings.TrimSpace(out), err
}

// Forge tells how to reach the cluster's Gitea.
func (d Devcluster) Forge(ctx context.Context) (ForgeAccess, error) {
	var access ForgeAccess
	out, err := d.output(ctx, "forge")
	if err != nil {
		return access, err
	}
	if err := json.Unmarshal([]byte(out), &access); err != nil {
		return access, fmt.Errorf("read the answer of devcluster forge: %w", err)
	}
	return access, nil
}

// show runs the command with its output shown.
func (d Devcluster) show(ctx context.Context, args ...string) error {
	cmd := d.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = d.Out, d.Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("devcluster %s: %w", args[0], err)
	}
	return nil
}

// output runs the command and returns what it prints; its progress is shown.
func (d Devcluster) output(ctx context.Context, args ...string) (string, error) {
	var stdout bytes.Buffer
	cmd := d.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, d.Out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("devcluster %s: %w", args[0], err)
	}
	return stdout.String(), nil
}

func (d Devcluster) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(d.Root, "bin", "devcluster"), args...)
	cmd.Dir = d.Root
	// An interrupted command tidies up after itself; give it the chance.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd
}
