package story

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// courseImages are the images the courses of clusters/local run, as devcluster
// calls them.
var courseImages = []string{"code-server", "mariadb", "phpmyadmin", "webterm"}

// processes are those of Carrel, built from the work tree.
var processes = []string{"carrel-controller", "carrel-gateway"}

// commandLine is the program whose image takes the inventory of volumes.
const commandLine = "carrel"

// ImageOf is the image of one of them.
func ImageOf(process string) string { return "carrel.local/" + process + ":dev" }

// Devcluster is the development cluster, driven by its command.
type Devcluster struct {
	// Root is the top of the repository.
	Root string
	// Out is shown the progress.
	Out io.Writer
	// Inventory: load the image of the command line too, which takes the inventory.
	Inventory bool
}

// processes are the programs that Carrel's images in the cluster are built of.
func (d Devcluster) processes() []string {
	if d.Inventory {
		return append(slices.Clone(processes), commandLine)
	}
	return processes
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

// Up starts the full node with every image the courses and Carrel need. Carrel's
// own programs are compiled while it starts.
func (d Devcluster) Up(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "carrel-processes-")
	if err != nil {
		return fmt.Errorf("make a directory for Carrel's images: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var archives []string
	parts, both := errgroup.WithContext(ctx)
	parts.Go(func() error { return d.show(both, "up", "--image="+strings.Join(courseImages, ",")) })
	parts.Go(func() (err error) {
		archives, err = d.build(both, dir)
		return err
	})
	if err := parts.Wait(); err != nil {
		return err
	}
	return d.Load(ctx, archives...)
}

// UpWithImages starts the full node with some images that devcluster makes, and without
// Carrel's own.
func (d Devcluster) UpWithImages(ctx context.Context, images ...string) error {
	return d.show(ctx, "up", "--image="+strings.Join(images, ","))
}

// Load loads archives of images into the node.
func (d Devcluster) Load(ctx context.Context, archives ...string) error {
	return d.show(ctx, append([]string{"load"}, archives...)...)
}

// Registry serves a registry from which the node pulls, until stop is called. Both the
// node and this machine reach it by address.
func (d Devcluster) Registry(ctx context.Context) (address string, stop func() error, err error) {
	cmd := d.command(ctx, "registry")
	cmd.Stderr = d.Out
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("devcluster registry: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("devcluster registry: %w", err)
	}
	stop = func() error { return errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()) }
	address, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("devcluster registry: %w", err), stop())
	}
	return strings.TrimSpace(address), stop, nil
}

// Running reports whether the cluster is up.
func (d Devcluster) Running(ctx context.Context) bool { return d.command(ctx, "status").Run() == nil }

// build compiles the processes and packs each as an image archive in a directory. The
// archives are in the order of processes.
func (d Devcluster) build(ctx context.Context, dir string) (archives []string, err error) {
	start := time.Now()
	arguments := []string{"build", "-ldflags", "-s -w", "-o", dir + string(filepath.Separator)}
	for _, process := range d.processes() {
		arguments = append(arguments, "./cmd/"+process)
	}
	build := exec.CommandContext(ctx, "go", arguments...)
	build.Dir = d.Root
	// Without -trimpath: the packages are those that devcluster and tests compile.
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", strings.Join(d.processes(), " and "), err, out)
	}
	for _, process := range d.processes() {
		archive := filepath.Join(dir, process+".tar")
		if _, err := d.output(ctx, "image", "--binary", filepath.Join(dir, process), "--name", ImageOf(process), "--output", archive); err != nil {
			return nil, err
		}
		archives = append(archives, archive)
	}
	_, _ = fmt.Fprintf(d.Out, "  built %s from this work tree (%.0fs)\n", strings.Join(d.processes(), " and "), time.Since(start).Seconds())
	return archives, nil
}

// Down stops the cluster and leaves nothing behind.
func (d Devcluster) Down(ctx context.Context) error { return d.show(ctx, "down") }

// LoseEtcd loses the API server's data, and returns when the cluster is up and empty.
func (d Devcluster) LoseEtcd(ctx context.Context) error { return d.show(ctx, "lose-etcd") }

// Kubeconfig is the path of the administrator's kubeconfig.
func (d Devcluster) Kubeconfig(ctx context.Context) (string, error) {
	out, err := d.output(ctx, "kubeconfig")
	return strings.TrimSpace(out), err
}

// Programs is the directory of the cluster's own programs, kubectl among them.
func (d Devcluster) Programs(ctx context.Context) (string, error) {
	out, err := d.output(ctx, "assets")
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
