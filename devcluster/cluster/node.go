package cluster

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"

	"golang.org/x/sync/errgroup"

	"github.com/carrel-dev/carrel/devcluster/controlplane"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/pki"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/supervise"
)

// prepareNode makes the node's namespaces and joins them to this machine, so
// that the control plane can listen where pods reach it.
func (d *daemon) prepareNode(authority *pki.Authority) (node.Config, error) {
	config := node.Config{
		Name:            d.spec.Name,
		Root:            d.layout.node(),
		Programs:        d.spec.Kubernetes,
		Network:         d.spec.Network,
		Authority:       authority.CertificateFile(),
		KubeletConfig:   d.layout.path("pki", "kubelet.kubeconfig"),
		KubeProxyConfig: d.layout.path("pki", "kube-proxy.kubeconfig"),
	}
	if err := config.Prepare(); err != nil {
		return config, err
	}
	first, err := d.startFirst(config)
	if err != nil {
		return config, err
	}
	d.update(func(r *Record) { r.Node = first })
	return config, config.Link(first)
}

// startFirst starts the process that holds the node's namespaces, and returns
// when their mounts are made.
func (d *daemon) startFirst(config node.Config) (pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	first, err := d.group.Start(supervise.Command{
		Name:       "node",
		Args:       []string{self, "node", config.Root},
		Namespaces: node.Namespaces,
		Inherit:    []*os.File{writer},
	})
	writer.Close()
	if err != nil {
		return 0, err
	}
	if _, err := bufio.NewReader(reader).ReadString('\n'); err != nil {
		return 0, fmt.Errorf("the node's first process ended\n%s", supervise.Tail(first.Log))
	}
	return first.PID, nil
}

// RunNode is what the node's first process does. Descriptor 3 is the pipe that
// startFirst reads.
func RunNode(root string) error {
	return node.First(root, inherited(3, "ready"))
}

// configureNode writes the files of the node's components.
func (d *daemon) configureNode(config *node.Config, server string, authority *pki.Authority) (err error) {
	address := config.Network.Node.Addr()
	config.KubeletServer, err = authority.Issue(pki.Subject{
		File: "kubelet", User: "system:node:" + config.Name, IPs: []net.IP{address.AsSlice()}, Names: []string{config.Name},
	})
	if err != nil {
		return err
	}
	for path, subject := range map[string]pki.Subject{
		config.KubeletConfig:   {File: "kubelet-api", User: "system:node:" + config.Name, Groups: []string{"system:nodes"}},
		config.KubeProxyConfig: {File: "kube-proxy", User: "system:kube-proxy"},
	} {
		if err := authority.WriteKubeconfig(path, d.spec.Name, server, subject); err != nil {
			return err
		}
	}
	return config.WriteFiles()
}

// startContainerd is done when the images are loaded as well.
func (d *daemon) startContainerd(ctx context.Context, config node.Config) error {
	if err := d.runInNode("containerd", config.ContainerdArgs()); err != nil {
		return err
	}
	return d.report.Do("load images", func(step *progress.Step) error {
		if err := supervise.WaitReady(ctx, d.probeContainerd); err != nil {
			return err
		}
		for i, archive := range d.spec.Images {
			step.Move(fmt.Sprintf("%d of %d", i+1, len(d.spec.Images)))
			if err := loadImage(ctx, d.record.Node, archive); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *daemon) probeContainerd(ctx context.Context) error {
	return inNode(ctx, d.record.Node, nil, node.VersionArgs())
}

// startNode is done when the node is ready for pods.
func (d *daemon) startNode(ctx context.Context, config node.Config) error {
	return d.report.Do("start node", func(*progress.Step) error {
		if err := d.runInNode("kubelet", config.KubeletArgs()); err != nil {
			return err
		}
		if err := d.runInNode("kube-proxy", config.KubeProxyArgs()); err != nil {
			return err
		}
		name := "node/" + config.Name
		if _, err := d.kubectl(ctx, "", "wait", "--for=create", name, "--timeout=5m"); err != nil {
			return err
		}
		_, err := d.kubectl(ctx, "", "wait", "--for=condition=Ready", name, "--timeout=5m")
		return err
	})
}

// startFullNode brings up everything of a full node, side by side where nothing
// waits for another.
func (d *daemon) startFullNode(ctx context.Context, authority *pki.Authority) error {
	config, err := d.prepareNode(authority)
	if err != nil {
		return err
	}
	host := config.Network.Host.Addr().String()
	plane, err := d.prepareControlPlane(host, authority)
	if err != nil {
		return err
	}
	if err := d.configureNode(&config, plane.URL(), authority); err != nil {
		return err
	}
	return d.startParts(ctx, config, plane)
}

func (d *daemon) startParts(ctx context.Context, config node.Config, plane controlplane.Config) error {
	parts, ctx := errgroup.WithContext(ctx)
	loaded := make(chan struct{})
	parts.Go(func() error {
		defer close(loaded)
		return d.startContainerd(ctx, config)
	})
	parts.Go(func() error { return d.startForge(ctx, plane.Address) })
	parts.Go(func() error {
		if err := d.startControlPlane(ctx, plane); err != nil {
			return err
		}
		<-loaded
		if err := d.startNode(ctx, config); err != nil {
			return err
		}
		return d.startAddons(ctx)
	})
	return parts.Wait()
}

// runInNode starts a component in the node's namespaces.
func (d *daemon) runInNode(name string, arguments []string) error {
	return d.run(name, node.Enter(d.record.Node, arguments)...)
}

// loadImage loads an archive into the node whose first process is first.
func loadImage(ctx context.Context, first int, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("load image: %w", err)
	}
	defer file.Close()
	if err := inNode(ctx, first, file, node.ImportArgs()); err != nil {
		return fmt.Errorf("load image %s: %w", archive, err)
	}
	return nil
}

// inNode runs a command in the node's namespaces to its end.
func inNode(ctx context.Context, first int, stdin *os.File, arguments []string) error {
	line := node.Enter(first, arguments)
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	if stdin != nil {
		command.Stdin = stdin
	}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
