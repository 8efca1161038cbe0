package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// containerdConfig pins the sandbox image, because garbage collection would delete
// an image that no registry can provide again. restrict_oom_score_adj lets
// containerd run where root may not lower oom_score_adj, as in many containers.
// AppArmor is disabled because a profile would be loaded for the whole machine and
// stay there. containerd looks into config_path at each pull, and needs no such
// directory.
var containerdConfig = newTemplate("containerd.toml", `version = 2
root = "{{.ContainerdRoot}}"
state = "/run/containerd"

[grpc]
address = "{{.ContainerdSocket}}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{{.SandboxImage}}"
restrict_oom_score_adj = true
disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{{.CNIPrograms}}"
conf_dir = "{{.Root}}/cni"

[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{{.Root}}/registries"
`)

// cniConfig gives each pod its own link to the node instead of a port on a bridge.
// All packets are routed, so kube-proxy sees them even if the kernel lacks
// br_netfilter.
var cniConfig = newTemplate("cni.conflist", `{
  "cniVersion": "0.4.0",
  "name": "carrel",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "{{.CNIRoot}}/networks",
        "ranges": [[{"subnet": "{{.Network.Pods}}"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
`)

// kubeletConfig disables image garbage collection, because images come from
// archives only. The eviction thresholds keep a nearly full disk from evicting all
// pods. Pulls are not serialized: one pull that waits for a missing name server
// would block all others.
var kubeletConfig = newTemplate("kubelet.yaml", `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {{.Network.Node.Addr}}
authentication:
  anonymous:
    enabled: false
  x509:
    clientCAFile: {{.Authority}}
  webhook:
    enabled: true
authorization:
  mode: Webhook
tlsCertFile: {{.KubeletServer.Certificate}}
tlsPrivateKeyFile: {{.KubeletServer.Key}}
containerRuntimeEndpoint: unix://{{.ContainerdSocket}}
cgroupDriver: cgroupfs
cgroupRoot: /{{.Cgroup}}
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
clusterDNS:
- {{.Network.DNS}}
clusterDomain: {{.ClusterDomain}}
resolvConf: {{.Root}}/resolv.conf
podLogsDir: {{.PodLogs}}
volumePluginDir: {{.KubeletRoot}}/volume-plugins
serializeImagePulls: false
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  memory.available: 100Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
`)

// resolvConf names no server: names outside the cluster's DNS don't resolve, as on
// a machine without internet.
const resolvConf = "search .\n"

func newTemplate(name, text string) *template.Template {
	return template.Must(template.New(name).Option("missingkey=error").Parse(text))
}

// templateData provides Config and the constant paths to the templates.
type templateData struct {
	Config
}

func (templateData) ContainerdRoot() string   { return containerdRoot }
func (templateData) ContainerdSocket() string { return containerdSocket }
func (templateData) KubeletRoot() string      { return kubeletRoot }
func (templateData) PodLogs() string          { return podLogs }
func (templateData) CNIRoot() string          { return cniRoot }
func (templateData) CNIPrograms() string      { return cniPrograms }
func (templateData) SandboxImage() string     { return sandboxImage }
func (templateData) ClusterDomain() string    { return ClusterDomain }
func (d templateData) Cgroup() string         { return d.cgroup() }

// render returns the contents of the node's configuration files, by their path
// below Root.
func (c Config) render() map[string]string {
	files := map[string]string{"resolv.conf": resolvConf}
	for path, template := range map[string]*template.Template{
		"containerd.toml":        containerdConfig,
		"cni/10-carrel.conflist": cniConfig,
		"kubelet.yaml":           kubeletConfig,
	} {
		var out strings.Builder
		if err := template.Execute(&out, templateData{c}); err != nil {
			panic(err) // the templates and their data are both above
		}
		files[path] = out.String()
	}
	return files
}

// WriteFiles writes the node's configuration files.
func (c Config) WriteFiles() error {
	for path, content := range c.render() {
		path = c.file(path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("configure the node: %w", err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return fmt.Errorf("configure the node: %w", err)
		}
	}
	return nil
}
