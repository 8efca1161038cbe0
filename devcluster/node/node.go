// Package node runs a Kubernetes node in its own network, mount and process
// namespaces. It does not touch a kubelet or containerd of the machine itself.
//
// The first process of those namespaces only holds them. When it ends, the kernel
// ends every other process in them (kubelet, containerd, its shims, containers).
// The kernel also drops their mounts, links, addresses and nft tables, so nothing
// has to be found and undone. Only cgroups and the directories used as mount points
// lie outside; Sweep removes those.
package node

import (
	"fmt"
	"path/filepath"

	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
)

// Config holds the settings shared by the node's components.
type Config struct {
	// Name is the node's name. The node's cgroup has the same name with a prefix.
	Name string
	// Root is the directory of the node's configuration and data.
	Root string
	// Programs is the directory of the Kubernetes binaries.
	Programs string
	Network  network.Plan

	Authority       string // of the cluster, for clients of the kubelet
	KubeletServer   pki.Pair
	KubeletConfig   string // kubeconfig
	KubeProxyConfig string // kubeconfig
}

// ClusterDomain is the suffix of Service names.
const ClusterDomain = "cluster.local"

// Paths inside the node's namespaces. They are the usual ones, so that the node
// looks like any other from inside. Each lies on a mount that only the node sees.
const (
	containerdRoot   = "/var/lib/containerd"
	kubeletRoot      = "/var/lib/kubelet"
	cniRoot          = "/var/lib/cni"
	logRoot          = "/var/log"
	runRoot          = "/run"
	containerdSocket = "/run/containerd/containerd.sock"
	podLogs          = "/var/log/pods"

	// VolumeRoot is the directory of dynamic volumes. It is
	// local-path-provisioner's default.
	VolumeRoot = "/opt/local-path-provisioner"
)

// cniPrograms is the directory in which Debian's containernetworking-plugins
// installs its programs.
const cniPrograms = "/usr/lib/cni"

// sandboxImage runs in each pod to hold the pod's namespaces.
const sandboxImage = "carrel.local/pause:dev"

// Images returns the names of the images that must be loaded before any pod can
// run.
func Images() []string { return []string{"pause"} }

func (c Config) cgroup() string { return "carrel-" + c.Name }

func (c Config) file(elements ...string) string {
	return filepath.Join(append([]string{c.Root}, elements...)...)
}

// ContainerdArgs returns the command line of containerd.
func (c Config) ContainerdArgs() []string {
	return []string{"containerd", "--config=" + c.file("containerd.toml")}
}

// KubeletArgs returns the command line of the kubelet. Its flags have no equivalent
// in the configuration file.
func (c Config) KubeletArgs() []string {
	return []string{
		filepath.Join(c.Programs, "kubelet"),
		"--config=" + c.file("kubelet.yaml"),
		"--kubeconfig=" + c.KubeletConfig,
		"--root-dir=" + kubeletRoot,
		"--hostname-override=" + c.Name,
		"--node-ip=" + c.Network.Node.Addr().String(),
	}
}

// KubeProxyArgs returns the command line of kube-proxy.
func (c Config) KubeProxyArgs() []string {
	return []string{
		filepath.Join(c.Programs, "kube-proxy"),
		"--proxy-mode=nftables",
		"--kubeconfig=" + c.KubeProxyConfig,
		"--hostname-override=" + c.Name,
		"--cluster-cidr=" + c.Network.Pods.String(),
		"--oom-score-adj=0",
		// The conntrack limit belongs to the whole machine, so kube-proxy must not
		// set it.
		"--conntrack-max-per-core=0",
		"--healthz-bind-address=127.0.0.1:10256",
	}
}

// ImportArgs returns a command that loads an image archive from standard input.
func ImportArgs() []string {
	return ctr("images", "import", "-")
}

// VersionArgs returns a command that succeeds when containerd answers.
func VersionArgs() []string { return ctr("version") }

func ctr(arguments ...string) []string {
	return append([]string{"ctr", "--address=" + containerdSocket, "--namespace=k8s.io"}, arguments...)
}

// Enter returns a command line that runs command in the namespaces of the process
// first.
func Enter(first int, command []string) []string {
	return append([]string{"nsenter", fmt.Sprintf("--target=%d", first), "--mount", "--net", "--pid", "--"}, command...)
}
