package cluster

import (
	"context"
	"net"
	"net/http"

	"github.com/carrel-dev/carrel/devcluster/controlplane"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/supervise"
)

// prepareControlPlane creates the certificates and kubeconfigs of a control plane
// that listens on address.
func (d *daemon) prepareControlPlane(ctx context.Context, address string, authority *pki.Authority) (controlplane.Config, error) {
	config := controlplane.Config{
		Programs:          d.spec.Kubernetes,
		Data:              d.layout.path("etcd"),
		Address:           address,
		Network:           d.spec.Network,
		HasNode:           d.spec.Size == FullNode,
		Authority:         authority.CertificateFile(),
		ControllerManager: d.layout.path("pki", "controller-manager.kubeconfig"),
		Scheduler:         d.layout.path("pki", "scheduler.kubeconfig"),
	}
	apiPorts, err := network.FreePorts(ctx, address, 1)
	if err != nil {
		return config, err
	}
	etcdPorts, err := network.FreePorts(ctx, "127.0.0.1", 1)
	if err != nil {
		return config, err
	}
	config.Port, config.EtcdPort = apiPorts[0], etcdPorts[0]
	d.update(func(r *Record) { r.API = config.URL() })
	return config, d.issueCertificates(&config, authority)
}

func (d *daemon) issueCertificates(config *controlplane.Config, authority *pki.Authority) (err error) {
	if config.SigningKey, err = authority.NewSigningKey("service-accounts"); err != nil {
		return err
	}
	config.Server, err = authority.Issue(pki.Subject{
		File: "kube-apiserver", User: "kube-apiserver",
		IPs:   []net.IP{net.ParseIP(config.Address), config.Network.APIService()},
		Names: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
	})
	if err != nil {
		return err
	}
	// The API server reads logs and runs commands on the node as an administrator.
	// It authorizes the user who asks before it does so.
	config.KubeletClient, err = authority.Issue(pki.Subject{File: "kubelet-client", User: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"}})
	if err != nil {
		return err
	}
	for path, subject := range map[string]pki.Subject{
		d.layout.Kubeconfig():    {File: "admin", User: "admin", Groups: []string{"system:masters"}},
		config.ControllerManager: {File: "controller-manager", User: "system:kube-controller-manager"},
		config.Scheduler:         {File: "scheduler", User: "system:kube-scheduler"},
	} {
		if err := authority.WriteKubeconfig(path, d.spec.Name, config.URL(), subject); err != nil {
			return err
		}
	}
	return nil
}

// startControlPlane returns when the API server is ready and pods can be created.
// Pods need the default ServiceAccount, which a controller creates.
func (d *daemon) startControlPlane(ctx context.Context, config controlplane.Config) error {
	return d.report.Do("start control plane", func(step *progress.Step) error {
		step.Move("etcd")
		if err := d.run("etcd", config.EtcdArgs()...); err != nil {
			return err
		}
		if err := supervise.WaitReady(ctx, answers(http.DefaultClient, config.EtcdURL()+"/health")); err != nil {
			return err
		}
		step.Move("kube-apiserver")
		if err := d.run("kube-apiserver", config.APIServerArgs()...); err != nil {
			return err
		}
		client, err := clientTrusting(config.Authority)
		if err != nil {
			return err
		}
		if err := supervise.WaitReady(ctx, answers(client, config.URL()+"/readyz")); err != nil {
			return err
		}
		step.Move("controllers")
		return d.startControllers(ctx, config)
	})
}

func (d *daemon) startControllers(ctx context.Context, config controlplane.Config) error {
	if err := d.run("kube-controller-manager", config.ControllerManagerArgs()...); err != nil {
		return err
	}
	if d.spec.Size == FullNode {
		if err := d.run("kube-scheduler", config.SchedulerArgs()...); err != nil {
			return err
		}
	}
	return d.kubectl(ctx, "wait", "--namespace=default", "--for=create", "serviceaccount/default", "--timeout=5m")
}
