package isolation

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// TestList checks what a canary of a course tries.
func TestList(t *testing.T) {
	cluster := Cluster{
		Userlands: []v1alpha1.Userland{userland("b", v1alpha1.StateRunning), userland("c", v1alpha1.StateAsleep), userland("a", v1alpha1.StateRunning), userland("udp", v1alpha1.StateRunning)},
		Templates: []v1alpha1.Template{template("ide", v1alpha1.ServicePort{Name: "debug", Port: 9}, v1alpha1.ServicePort{Name: "http", Port: 80, TargetPort: 8080})},
		Pods:      []corev1.Pod{pod("a", "10.0.0.1", true), pod("b", "10.0.0.2", true), pod("c", "10.0.0.3", false)},
		Processes: []corev1.Pod{
			process("carrel-gateway", "10.1.0.2", "https", "metrics", "health"),
			process("carrel-gateway", "10.1.0.3", "https", "metrics", "health"),
			process("carrel-controller", "10.1.0.1", "metrics"),
		},
		Policies: []networkingv1.NetworkPolicy{except("10.0.0.0/8", "168.63.129.16/32", "203.0.113.7/32", "nonsense"), except("203.0.113.7/32", "2001:db8::1/128")},
	}
	cluster.Userlands[3].Status.Template.Name = "udp"
	cluster.Templates = append(cluster.Templates, template("udp", v1alpha1.ServicePort{Name: "http", Port: 80, Protocol: corev1.ProtocolUDP}))
	cluster.Pods = append(cluster.Pods, pod("udp", "10.0.0.4", true))
	want := []Target{
		{Carrel, "10.0.0.1:8080"}, {Service, "a-svc.prog1.svc:80"},
		{Carrel, "10.0.0.2:8080"}, {Service, "b-svc.prog1.svc:80"},
		{APIServer, "kubernetes.default.svc:443"},
		{Metadata, "169.254.169.254:80"}, {Metadata, "168.63.129.16:80"}, {Metadata, "100.100.100.200:80"}, {Metadata, "192.0.0.192:80"},
		{Metadata, "[fd00:ec2::254]:80"}, {Metadata, "[fd20:ce::254]:80"},
		{Processes, "10.1.0.1:8000"}, {Processes, "10.1.0.2:8001"}, {Processes, "10.1.0.2:8002"},
		{Closed, "203.0.113.7:80"}, {Closed, "[2001:db8::1]:80"},
	}
	if diff := cmp.Diff(want, List(cluster)); diff != "" {
		t.Errorf("the targets differ (-want +got):\n%s", diff)
	}
	for _, target := range List(cluster) {
		if got, err := ParseTarget(target.String()); err != nil || got != target {
			t.Errorf("ParseTarget(%q) = %v, %v", target, got, err)
		}
	}
}

// TestListNeedsNeighbours checks that nothing is tried if no carrel can be.
func TestListNeedsNeighbours(t *testing.T) {
	for name, change := range map[string]func(*Cluster){
		"nobody runs":          func(c *Cluster) { c.Userlands[0].Status.State = v1alpha1.StateAsleep },
		"a pod without a port": func(c *Cluster) { c.Templates = nil },
		"a pod that is not ready": func(c *Cluster) {
			c.Pods[0].Status.Conditions = nil
		},
		"a pod without an address": func(c *Cluster) { c.Pods[0].Status.PodIP = "" },
		"another's pod":            func(c *Cluster) { c.Pods[0].Labels = nil },
	} {
		t.Run(name, func(t *testing.T) {
			cluster := Cluster{
				Userlands: []v1alpha1.Userland{userland("a", v1alpha1.StateRunning)},
				Templates: []v1alpha1.Template{template("ide", v1alpha1.ServicePort{Name: "http", Port: 80})},
				Pods:      []corev1.Pod{pod("a", "10.0.0.1", true)},
			}
			if len(List(cluster)) == 0 {
				t.Fatal("nothing is tried though a carrel runs")
			}
			change(&cluster)
			if got := List(cluster); len(got) > 0 {
				t.Errorf("it tries %v", got)
			}
		})
	}
}

// TestListIsBounded checks that a large class and a large cluster make no long list.
func TestListIsBounded(t *testing.T) {
	cluster := Cluster{Templates: []v1alpha1.Template{template("ide", v1alpha1.ServicePort{Name: "http", Port: 80})}}
	var addresses []string
	for i := range 300 {
		name := fmt.Sprint("u", i)
		cluster.Userlands = append(cluster.Userlands, userland(name, v1alpha1.StateRunning))
		cluster.Pods = append(cluster.Pods, pod(name, fmt.Sprintf("10.0.%d.%d", i/100, i%100), true))
		cluster.Processes = append(cluster.Processes, process(name, "10.9.0.1", "metrics", "health"))
		addresses = append(addresses, fmt.Sprintf("203.0.%d.%d/32", i/100, i%100))
	}
	cluster.Policies = []networkingv1.NetworkPolicy{except(addresses...)}
	if got := len(List(cluster)); got != MaxTargets {
		t.Errorf("it tries %d targets, want %d", got, MaxTargets)
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, text := range []string{"", "carrel", "carrel=", "=10.0.0.1:80", "carrel=10.0.0.1", "carrel=:80", "carrel=10.0.0.1:0", "carrel=10.0.0.1:70000", "carrel=10.0.0.1:http"} {
		if target, err := ParseTarget(text); err == nil {
			t.Errorf("ParseTarget(%q) = %v, want an error", text, target)
		}
	}
}

func userland(name, state string) v1alpha1.Userland {
	return v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name},
		Status:     v1alpha1.UserlandStatus{State: state, Template: &v1alpha1.ObservedTemplate{Name: "ide"}, Address: "http://" + name + "-svc.prog1.svc:80"},
	}
}

func template(name string, ports ...v1alpha1.ServicePort) v1alpha1.Template {
	return v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.TemplateSpec{Service: v1alpha1.ServiceSpec{Ports: ports}}}
}

func pod(userland, address string, ready bool) corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: userland, Labels: map[string]string{v1alpha1.UserlandLabel: userland}},
		Status:     corev1.PodStatus{PodIP: address, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}},
	}
}

func process(name, address string, ports ...string) corev1.Pod {
	p := pod(name, address, true)
	p.Name, p.Labels = name+address, map[string]string{"app.kubernetes.io/name": name}
	container := corev1.Container{}
	for i, port := range ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: port, ContainerPort: int32(8000 + i)})
	}
	p.Spec.Containers = []corev1.Container{container}
	return p
}

func except(addresses ...string) networkingv1.NetworkPolicy {
	return networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{
		To: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}, {IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: addresses}}},
	}}}}
}
