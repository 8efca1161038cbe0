package cluster

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/pki"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/supervise"
)

// prepareNode creates the node's namespaces and links them to this machine, so that
// the control plane can listen at an address that pods can reach.
func (d *daemon) prepareNode(ctx context.Context, authority *pki.Authority) (node.Config, error) {
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
	var err error
	if d.first, err = d.startFirst(config); err != nil {
		return config, err
	}
	d.update(func(r *Record) { r.Node = d.first })
	return config, config.Link(ctx, d.first)
}

// startFirst starts the process that holds the node's namespaces. It returns the
// PID when the namespaces' mounts exist.
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

// RunNode runs the node's first process. Descriptor 3 is the pipe that startFirst
// reads.
func RunNode(root string) error {
	return node.First(root, inherited(3, "ready"))
}

// configureNode writes the certificates, kubeconfigs and configuration files of the
// node's components.
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

// startContainerd starts containerd and returns when it answers.
func (d *daemon) startContainerd(ctx context.Context, config node.Config) error {
	if err := d.runInNode("containerd", config.ContainerdArgs()); err != nil {
		return err
	}
	return supervise.WaitReady(ctx, d.probeContainerd)
}

// importers is how many images are imported side by side: each import unpacks
// one layer after the other.
const importers = 2

// loadImages imports archives into the node, as the step called doing.
func (d *daemon) loadImages(ctx context.Context, doing string, archives []string) error {
	return d.report.Do(doing, func(step *progress.Step) error {
		imports, ctx := errgroup.WithContext(ctx)
		imports.SetLimit(importers)
		var done atomic.Int32
		for _, archive := range archives {
			imports.Go(func() error {
				if err := loadImage(ctx, d.first, archive); err != nil {
					return err
				}
				loaded := done.Add(1)
				step.Advance(float64(loaded)/float64(len(archives)), fmt.Sprintf("%d of %d", loaded, len(archives)))
				return nil
			})
		}
		return imports.Wait()
	})
}

func (d *daemon) probeContainerd(ctx context.Context) error {
	return inNode(ctx, d.first, nil, node.VersionArgs())
}

// startNode starts the node's components and returns when the node is ready for
// pods.
func (d *daemon) startNode(ctx context.Context, config node.Config) error {
	return d.report.Do("start node", func(*progress.Step) error {
		if err := d.runInNode("kubelet", config.KubeletArgs()); err != nil {
			return err
		}
		if err := d.runInNode("kube-proxy", config.KubeProxyArgs()); err != nil {
			return err
		}
		name := "node/" + config.Name
		if err := d.kubectl(ctx, "wait", "--for=create", name, "--timeout=5m"); err != nil {
			return err
		}
		return d.kubectl(ctx, "wait", "--for=condition=Ready", name, "--timeout=5m")
	})
}

// runInNode starts a component in the node's namespaces.
func (d *daemon) runInNode(name string, arguments []string) error {
	return d.run(name, node.Enter(d.first, arguments)...)
}
