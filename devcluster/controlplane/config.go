// Package controlplane says how etcd, the API server, the controller manager
// and the scheduler are started. It starts nothing itself.
package controlplane

import (
	"fmt"
	"path/filepath"

	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
)

// Config is what the components must agree on.
type Config struct {
	// Programs is the directory of the Kubernetes binaries.
	Programs string
	// Data is the directory etcd keeps its files in.
	Data string
	// Address and Port are where the API server listens.
	Address string
	Port    int
	// EtcdPort is on loopback.
	EtcdPort int
	Network  network.Plan
	// HasNode tells whether there is a node, so pods that reach the API server
	// through its Service and a kubelet the API server reaches.
	HasNode bool

	Authority         string
	SigningKey        string
	Server            pki.Pair
	KubeletClient     pki.Pair
	ControllerManager string // kubeconfig
	Scheduler         string // kubeconfig
}

// URL of the API server.
func (c Config) URL() string { return fmt.Sprintf("https://%s:%d", c.Address, c.Port) }

// EtcdURL is where etcd serves clients.
func (c Config) EtcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPort) }

// EtcdArgs forgo fsync: the data ends with the cluster, and waiting for the disk
// would be most of the time a write takes.
func (c Config) EtcdArgs() []string {
	return []string{
		filepath.Join(c.Programs, "etcd"),
		"--name=carrel",
		"--data-dir=" + c.Data,
		"--listen-client-urls=" + c.EtcdURL(),
		"--advertise-client-urls=" + c.EtcdURL(),
		"--listen-peer-urls=http://127.0.0.1:0",
		"--unsafe-no-fsync",
	}
}

// APIServerArgs authorise nodes and users as a cluster made by kubeadm would, so
// that a right somebody lacks there is missed here.
func (c Config) APIServerArgs() []string {
	arguments := []string{
		filepath.Join(c.Programs, "kube-apiserver"),
		"--etcd-servers=" + c.EtcdURL(),
		"--bind-address=" + c.Address,
		// Left out, it would have to be guessed from a default route, and not
		// every machine has one.
		"--advertise-address=" + c.Address,
		fmt.Sprintf("--secure-port=%d", c.Port),
		"--tls-cert-file=" + c.Server.Certificate,
		"--tls-private-key-file=" + c.Server.Key,
		"--client-ca-file=" + c.Authority,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.SigningKey,
		"--service-account-signing-key-file=" + c.SigningKey,
		"--service-cluster-ip-range=" + c.Network.Services.String(),
	}
	if !c.HasNode {
		// The `kubernetes` Service refuses a loopback address as its endpoint,
		// and no pod is there to miss it.
		return append(arguments, "--endpoint-reconciler-type=none")
	}
	return append(arguments,
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority="+c.Authority,
		"--kubelet-client-certificate="+c.KubeletClient.Certificate,
		"--kubelet-client-key="+c.KubeletClient.Key,
	)
}

// ControllerManagerArgs start the controllers. Nobody reads their metrics, so
// they take no port. The default limit of 20 requests a second would spend
// seconds of every start on making the controllers' own accounts.
func (c Config) ControllerManagerArgs() []string {
	return []string{
		filepath.Join(c.Programs, "kube-controller-manager"),
		"--kubeconfig=" + c.ControllerManager,
		"--leader-elect=false",
		"--secure-port=0",
		"--use-service-account-credentials",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--service-account-private-key-file=" + c.SigningKey,
		"--root-ca-file=" + c.Authority,
	}
}

// SchedulerArgs start the scheduler.
func (c Config) SchedulerArgs() []string {
	return []string{
		filepath.Join(c.Programs, "kube-scheduler"),
		"--kubeconfig=" + c.Scheduler,
		"--leader-elect=false",
		"--secure-port=0",
	}
}
