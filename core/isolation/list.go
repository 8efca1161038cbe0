package isolation

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

const (
	// maxNeighbours bounds the carrels that are tried, each by its pod and by its Service.
	maxNeighbours = 3
	// maxProcessPorts and maxClosed bound the inner ports and the closed addresses that
	// are tried.
	maxProcessPorts, maxClosed = 12, 8
	// MaxTargets is the most that List returns.
	MaxTargets = 2*maxNeighbours + 1 + maxProcessPorts + maxClosed + 6
)

// apiServer is the Service of the API server, by the name that every cluster has.
const apiServer = "kubernetes.default.svc:443"

// metadata are the addresses of the metadata services of clouds: of most, of Azure, of
// Alibaba, of Oracle, and of AWS and Google by IPv6.
var metadata = []string{"169.254.169.254:80", "168.63.129.16:80", "100.100.100.200:80", "192.0.0.192:80", "[fd00:ec2::254]:80", "[fd20:ce::254]:80"}

// BrowserPort is the name of the only port of Carrel's processes that is open to all.
const BrowserPort = "https"

// Cluster holds the objects by which the targets of a canary are chosen.
type Cluster struct {
	// Userlands and Templates are those of the course.
	Userlands []v1alpha1.Userland
	Templates []v1alpha1.Template
	// Pods are the pods of the course's carrels.
	Pods []corev1.Pod
	// Processes are the pods of Carrel itself.
	Processes []corev1.Pod
	// Policies are the NetworkPolicies of the course.
	Policies []networkingv1.NetworkPolicy
}

// List returns what a pod of the course must not reach, at most MaxTargets. It returns
// nothing if no carrel runs: without a neighbour, nothing shows that carrels are apart.
func List(c Cluster) []Target {
	targets := neighbours(c)
	if len(targets) == 0 {
		return nil
	}
	targets = append(targets, Target{APIServer, apiServer})
	for _, address := range metadata {
		targets = append(targets, Target{Metadata, address})
	}
	targets = append(targets, processes(c.Processes)...)
	return append(targets, closed(c.Policies)...)
}

// neighbours returns pods and Services of carrels that run.
func neighbours(c Cluster) (targets []Target) {
	class := slices.Clone(c.Userlands)
	slices.SortFunc(class, func(a, b v1alpha1.Userland) int { return cmp.Compare(a.Name, b.Name) })
	found := 0
	for i := range class {
		u := &class[i]
		pod := health.Newest(podsOf(u, c.Pods))
		port := portOf(u, c.Templates)
		if u.Status.State != v1alpha1.StateRunning || pod == nil || !health.Works([]corev1.Pod{*pod}) || pod.Status.PodIP == "" || port == nil {
			continue
		}
		targets = append(targets, Target{Carrel, join(pod.Status.PodIP, workload.TargetPort(*port))})
		if address, isHTTP := strings.CutPrefix(u.Status.Address, "http://"); isHTTP {
			targets = append(targets, Target{Service, address})
		}
		if found++; found == maxNeighbours {
			break
		}
	}
	return targets
}

func podsOf(u *v1alpha1.Userland, pods []corev1.Pod) (own []corev1.Pod) {
	for _, pod := range pods {
		if pod.Labels[v1alpha1.UserlandLabel] == u.Name {
			own = append(own, pod)
		}
	}
	return own
}

// portOf returns the port of a carrel that the gateway opens, if it is a TCP port.
func portOf(u *v1alpha1.Userland, templates []v1alpha1.Template) *v1alpha1.ServicePort {
	for i := range templates {
		if u.Status.Template == nil || templates[i].Name != u.Status.Template.Name {
			continue
		}
		port, found := workload.Port(templates[i].Spec.Service, "")
		if found && (port.Protocol == "" || port.Protocol == corev1.ProtocolTCP) {
			return &port
		}
	}
	return nil
}

// processes returns the ports of Carrel's processes that are not for browsers, of one pod
// of each process.
func processes(pods []corev1.Pod) (targets []Target) {
	const nameLabel = "app.kubernetes.io/name"
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(a.Labels[nameLabel], b.Labels[nameLabel]), cmp.Compare(a.Name, b.Name))
	})
	last := ""
	for i := range pods {
		pod := &pods[i]
		if pod.Labels[nameLabel] == last || pod.Status.PodIP == "" || !health.Works(pods[i:i+1]) {
			continue
		}
		last = pod.Labels[nameLabel]
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				if port.Name != BrowserPort && len(targets) < maxProcessPorts {
					targets = append(targets, Target{Processes, join(pod.Status.PodIP, port.ContainerPort)})
				}
			}
		}
	}
	return targets
}

// closed returns the single addresses that NetworkPolicies except from what they open. A
// range has no address of which one knows that something answers there.
func closed(policies []networkingv1.NetworkPolicy) (targets []Target) {
	for _, policy := range policies {
		for _, rule := range policy.Spec.Egress {
			for _, peer := range rule.To {
				if peer.IPBlock == nil {
					continue
				}
				for _, text := range peer.IPBlock.Except {
					prefix, err := netip.ParsePrefix(text)
					if err != nil || !prefix.IsSingleIP() {
						continue
					}
					target := Target{Closed, join(prefix.Addr().String(), 80)}
					if !slices.Contains(targets, target) && !slices.Contains(metadata, target.Address) && len(targets) < maxClosed {
						targets = append(targets, target)
					}
				}
			}
		}
	}
	return targets
}

func join(host string, port int32) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }
