package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Service is the Service of a carrel.
func Service(p Plan) *corev1ac.ServiceApplyConfiguration {
	spec := corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithSelector(selector(p.Userland))
	if headless(p.Blueprint.Service) {
		spec.WithClusterIP(corev1.ClusterIPNone)
	}
	for _, port := range p.Blueprint.Service.Ports {
		spec.WithPorts(servicePort(port))
	}
	s := corev1ac.Service(p.ServiceName(), p.Userland.Namespace).
		WithLabels(p.labels()).
		WithSpec(spec)
	if p.Userland.UID != "" {
		s.WithOwnerReferences(owner(p.Userland))
	}
	return s
}

// ServesAtOnce reports whether the Service is made before the carrel starts for the
// first time: it has a name or an address of its own, by which a proxy may go.
func (p Plan) ServesAtOnce() bool {
	return p.Blueprint.Service.Name != "" || !headless(p.Blueprint.Service)
}

// ServiceMustGo reports whether a Service of the Userland can't become what the
// plan wants: its name, and whether it has an address of its own, are settled
// when it is made.
func ServiceMustGo(live *corev1.Service, p Plan) bool {
	return live.Name != p.ServiceName() ||
		live.Spec.ClusterIP != "" && (live.Spec.ClusterIP == corev1.ClusterIPNone) != headless(p.Blueprint.Service)
}

// SampleService is a Service to try a Template on the API server with.
func SampleService(t *v1alpha1.Template) *corev1ac.ServiceApplyConfiguration {
	return Service(samplePlan(t))
}

func headless(s v1alpha1.ServiceSpec) bool { return s.Type != v1alpha1.ServiceClusterIP }

func servicePort(port v1alpha1.ServicePort) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(port.Name).
		WithPort(port.Port).
		WithTargetPort(intstr.FromInt32(TargetPort(port))).
		WithProtocol(protocol(port))
}

// TargetPort is the port of the container that a port of the Service leads to.
func TargetPort(port v1alpha1.ServicePort) int32 {
	if port.TargetPort == 0 {
		return port.Port
	}
	return port.TargetPort
}

func protocol(port v1alpha1.ServicePort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}
