package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Service is the Service of a Userland.
func Service(u *v1alpha1.Userland, t *v1alpha1.Template) *corev1ac.ServiceApplyConfiguration {
	spec := corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithSelector(selector(u))
	if headless(t) {
		spec.WithClusterIP(corev1.ClusterIPNone)
	}
	for _, port := range t.Spec.Service.Ports {
		spec.WithPorts(servicePort(port))
	}
	s := corev1ac.Service(ServiceName(u), u.Namespace).
		WithLabels(labelsWithTemplate(u, t)).
		WithSpec(spec)
	if u.UID != "" {
		s.WithOwnerReferences(owner(u))
	}
	return s
}

// ServiceMustGo reports whether a Service can't become what the Template wants:
// whether it has an address of its own is settled when it is made.
func ServiceMustGo(live *corev1.Service, t *v1alpha1.Template) bool {
	return live.Spec.ClusterIP != "" && (live.Spec.ClusterIP == corev1.ClusterIPNone) != headless(t)
}

// SampleService is a Service to try a Template on the API server with.
func SampleService(t *v1alpha1.Template) *corev1ac.ServiceApplyConfiguration {
	return Service(sampleUser(t), t)
}

func headless(t *v1alpha1.Template) bool { return t.Spec.Service.Type != v1alpha1.ServiceClusterIP }

func servicePort(port v1alpha1.ServicePort) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(port.Name).
		WithPort(port.Port).
		WithTargetPort(intstr.FromInt32(targetPort(port))).
		WithProtocol(protocol(port))
}

func targetPort(port v1alpha1.ServicePort) int32 {
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
