package manifests

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// end is one end of a connection.
type end struct {
	namespace string
	pod       map[string]string
	// address is set for an end outside the cluster.
	address string
}

// policed holds what NetworkPolicies are judged by.
type policed struct {
	namespaces map[string]map[string]string
	policies   []*networkingv1.NetworkPolicy
}

func selects(t *testing.T, s *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(labels.Set(set))
}

// matches reports whether a peer of a policy in a namespace includes an end.
func (p policed) matches(t *testing.T, namespace string, peer networkingv1.NetworkPolicyPeer, other end) bool {
	t.Helper()
	if peer.IPBlock != nil {
		address, err := netip.ParseAddr(other.address)
		within := func(cidr string) bool { return netip.MustParsePrefix(cidr).Contains(address) }
		return err == nil && within(peer.IPBlock.CIDR) && !slices.ContainsFunc(peer.IPBlock.Except, within)
	}
	if other.address != "" {
		return false
	}
	if peer.NamespaceSelector == nil && other.namespace != namespace ||
		peer.NamespaceSelector != nil && !selects(t, peer.NamespaceSelector, p.namespaces[other.namespace]) {
		return false
	}
	return peer.PodSelector == nil || selects(t, peer.PodSelector, other.pod)
}

// allows reports whether the policies of one end allow a connection with the other, to a
// named or numbered port.
func (p policed) allows(t *testing.T, direction networkingv1.PolicyType, one, other end, port string) bool {
	t.Helper()
	limited := false
	for _, policy := range p.policies {
		if policy.Namespace != one.namespace || !selects(t, &policy.Spec.PodSelector, one.pod) || !slices.Contains(policy.Spec.PolicyTypes, direction) {
			continue
		}
		limited = true
		type rule struct {
			peers []networkingv1.NetworkPolicyPeer
			ports []networkingv1.NetworkPolicyPort
		}
		var rules []rule
		for _, r := range policy.Spec.Ingress {
			if direction == networkingv1.PolicyTypeIngress {
				rules = append(rules, rule{r.From, r.Ports})
			}
		}
		for _, r := range policy.Spec.Egress {
			if direction == networkingv1.PolicyTypeEgress {
				rules = append(rules, rule{r.To, r.Ports})
			}
		}
		for _, r := range rules {
			peer := len(r.peers) == 0 || slices.ContainsFunc(r.peers, func(one networkingv1.NetworkPolicyPeer) bool {
				return p.matches(t, policy.Namespace, one, other)
			})
			open := len(r.ports) == 0 || slices.ContainsFunc(r.ports, func(one networkingv1.NetworkPolicyPort) bool {
				return one.Port == nil || one.Port.String() == port
			})
			if peer && open {
				return true
			}
		}
	}
	return !limited
}

// TestNetworkPolicies checks what the policies of a cluster let through. Whether the
// cluster enforces them is not checked here.
func TestNetworkPolicies(t *testing.T) {
	objects := syncCluster(t, "campus")
	cluster := policed{namespaces: map[string]map[string]string{
		"kube-system": {"kubernetes.io/metadata.name": "kube-system"},
		"monitoring":  {"kubernetes.io/metadata.name": "monitoring"},
	}}
	for _, namespace := range typed[corev1.Namespace](t, objects, "Namespace") {
		set := map[string]string{"kubernetes.io/metadata.name": namespace.Name}
		for key, value := range namespace.Labels {
			set[key] = value
		}
		cluster.namespaces[namespace.Name] = set
	}
	cluster.policies = typed[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy")

	process := func(name string) end {
		return end{namespace: "carrel-system", pod: map[string]string{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "carrel"}}
	}
	hana := end{namespace: "prog1", pod: map[string]string{"carrel.dev/userland": "hana-mori"}}
	kai := end{namespace: "prog1", pod: map[string]string{"carrel.dev/userland": "kai"}}
	elsewhere := end{namespace: "database", pod: map[string]string{"carrel.dev/userland": "rin"}}
	dns := end{namespace: "kube-system", pod: map[string]string{"k8s-app": "kube-dns"}}
	prometheus := end{namespace: "monitoring", pod: map[string]string{"app": "prometheus"}}
	outside := func(address string) end { return end{address: address} }

	for _, test := range []struct {
		what     string
		from, to end
		port     string
		want     bool
	}{
		{"a neighbour", kai, hana, "8080", false},
		{"somebody of another course", elsewhere, hana, "8080", false},
		{"the gateway", process("carrel-gateway"), hana, "8080", true},
		{"the controller, about activity", process("carrel-controller"), hana, "8080", true},
		{"the reporter", process("carrel-reporter"), hana, "8080", false},
		{"Prometheus into a carrel", prometheus, hana, "8080", false},
		{"a browser past the gateway", outside("198.51.100.7"), hana, "8080", false},

		{"a browser", outside("198.51.100.7"), process("carrel-gateway"), "https", true},
		{"a browser to the gateway's metrics", outside("198.51.100.7"), process("carrel-gateway"), "metrics", false},
		{"a carrel to the gateway's metrics", hana, process("carrel-gateway"), "metrics", false},
		{"a carrel to the gateway's probes", hana, process("carrel-gateway"), "health", false},
		{"a carrel to the controller", hana, process("carrel-controller"), "metrics", false},
		{"Prometheus", prometheus, process("carrel-reporter"), "metrics", true},
		{"Prometheus to the probes", prometheus, process("carrel-reporter"), "health", false},
		{"a process beside", process("carrel-gateway"), process("carrel-controller"), "health", false},

		{"a name", hana, dns, "53", true},
		{"the name server's other ports", hana, dns, "9153", false},
		{"the internet", hana, outside("198.51.100.7"), "443", true},
		{"the internet by IPv6", hana, outside("2600::1"), "443", true},
		{"a private address", hana, outside("10.1.2.3"), "443", false},
		{"a metadata service", hana, outside("169.254.169.254"), "80", false},
		{"that of Azure", hana, outside("168.63.129.16"), "80", false},
		{"that of AWS by IPv6", hana, outside("fd00:ec2::254"), "80", false},
		{"a private address as an IPv6 one", hana, outside("64:ff9b::a01:203"), "443", false},
		{"the campus", hana, outside("203.0.113.10"), "22", false},
		{"the campus by IPv6", hana, outside("2001:db8::10"), "22", false},
	} {
		leaves := test.from.address != "" || cluster.allows(t, networkingv1.PolicyTypeEgress, test.from, test.to, test.port)
		enters := test.to.address != "" || cluster.allows(t, networkingv1.PolicyTypeIngress, test.to, test.from, test.port)
		if got := leaves && enters; got != test.want {
			t.Errorf("%s: the connection is allowed: %v (leaves %v, enters %v), want %v", test.what, got, leaves, enters, test.want)
		}
	}
}

// TestClustersMustSayWhatIsClosed checks that a cluster without a list of closed
// addresses gets no course: the API server refuses its policy, or kustomize the build.
func TestClustersMustSayWhatIsClosed(t *testing.T) {
	local(t)
	disk := filesys.MakeFsOnDisk()
	kustomizer := krusty.MakeKustomizer(krusty.MakeDefaultOptions())
	built, err := kustomizer.Run(disk, filepath.Join(apiserver.Root(), "clusters/local/courses/sandbox"))
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range built.Resources() {
		if resource.GetKind() != "NetworkPolicy" || resource.GetName() != "to-internet" {
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		check(t, []string{"except[0]", `"CLOSED"`}, func(ctx context.Context) error {
			return applyOne(ctx, apiserver.Client(t), object(t, string(text)), client.DryRunAll)
		})
	}

	dir := t.TempDir()
	root, err := filepath.Rel(dir, apiserver.Root())
	if err != nil {
		t.Fatal(err)
	}
	overlay := "resources: [" + root + "/clusters/local/courses/sandbox]\ncomponents: [" + root + "/kustomize/components/closed-addresses]\n"
	if err := disk.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(overlay)); err != nil {
		t.Fatal(err)
	}
	if _, err := kustomizer.Run(disk, dir); err == nil || !strings.Contains(err.Error(), "ClosedAddresses") {
		t.Errorf("a component without a list gives %v, want an error that names ClosedAddresses", err)
	}
}
