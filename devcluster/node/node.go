// Package node runs a Kubernetes node on this machine without touching the
// machine's own: in namespaces of its own for network, mounts and processes.
//
// The first process of those namespaces does nothing but hold them. When it
// ends the kernel ends every other process in them (kubelet, containerd, its
// shims, containers) and drops their mounts, links, addresses and nft tables:
// nothing has to be found and undone. Only cgroups and the directories used as
// mount points lie outside; Sweep removes those.
package node

import (
	"fmt"
	"path/filepath"

	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
)

// Config is what the node's components must agree on.
type Config struct {
	// Name of the node, and of its cgroup with a prefix.
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

// Where things are inside the node's namespaces: the usual places, so that the
// node looks like any other from inside. Each is a mount that only it sees.
const (
	containerdRoot   = "/var/lib/containerd"
	kubeletRoot      = "/var/lib/kubelet"
	cniRoot          = "/var/lib/cni"
	logRoot          = "/var/log"
	runRoot          = "/run"
	containerdSocket = "/run/containerd/containerd.sock"
	podLogs          = "/var/log/pods"

	// VolumeRoot is where dynamic volumes lie: local-path-provisioner's own default.
	VolumeRoot = "/opt/local-path-provisioner"
)

// cniPrograms is where Debian's containernetworking-plugins puts them.
const cniPrograms = "/usr/lib/cni"

// sandboxImage holds each pod's namespaces.
const sandboxImage = "carrel.local/pause:dev"

// Images are the names of those that must be loaded before any pod can run.
func Images() []string { return []string{"pause"} }

func (c Config) cgroup() string { return "carrel-" + c.Name }

func (c Config) file(elements ...string) string {
	return filepath.Join(append([]string{c.Root}, elements...)...)
}

// ContainerdArgs start containerd.
func (c Config) ContainerdArgs() []string {
	return []string{"containerd", "--config=" + c.file("containerd.toml")}
}

// KubeletArgs start the kubelet. Files of its configuration can't hold these.
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

// KubeProxyArgs start kube-proxy.
func (c Config) KubeProxyArgs() []string {
	return []string{
		filepath.Join(c.Programs, "kube-proxy"),
		"--proxy-mode=nftables",
		"--kubeconfig=" + c.KubeProxyConfig,
		"--hostname-override=" + c.Name,
		"--cluster-cidr=" + c.Network.Pods.String(),
		"--oom-score-adj=0",
		// The limit is the whole machine's and not ours to set.
		"--conntrack-max-per-core=0",
		"--healthz-bind-address=127.0.0.1:10256",
	}
}

// ImportArgs load an image archive that comes on standard input.
func ImportArgs() []string {
	return ctr("images", "import", "-")
}

// VersionArgs succeed when containerd answers.
func VersionArgs() []string { return ctr("version") }

func ctr(arguments ...string) []string {
	return append([]string{"ctr", "--address=" + containerdSocket, "--namespace=k8s.io"}, arguments...)
}

// Enter makes a command run in the namespaces that the process first holds.
func Enter(first int, command []string) []string {
	return append([]string{"nsenter", fmt.Sprintf("--target=%d", first), "--mount", "--net", "--pid", "--"}, command...)
}
