// Package workload says what a carrel is made of: it turns a Userland and a
// Template into the Deployment, Service and volume claims of that user, and
// checks Templates. It is pure: no client, no clock.
package workload

import (
	"fmt"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// separator stands between the parts of names made here. Userlands and volumes
// can't contain it, so that no two carrels want one name.
const separator = "--"

// DeploymentName is the name of the Deployment of a Userland.
func DeploymentName(u *v1alpha1.Userland) string { return u.Name }

// ServiceName is the name of the Service of a Userland. Before Kubernetes 1.36
// it must begin with a letter (DNS-1035), and student numbers do not.
func ServiceName(u *v1alpha1.Userland) string {
	if u.Name != "" && u.Name[0] >= '0' && u.Name[0] <= '9' {
		return "u" + separator + u.Name
	}
	return u.Name
}

// ClaimName is the name of the claim of one volume of a Userland.
func ClaimName(u *v1alpha1.Userland, volume string) string {
	return u.Name + separator + volume
}

// Address is where the carrel is reached inside the cluster: the port named
// http, else the first.
func Address(u *v1alpha1.Userland, t *v1alpha1.Template) string {
	ports := t.Spec.Service.Ports
	if len(ports) == 0 {
		return ""
	}
	port := ports[0]
	for _, p := range ports {
		if p.Name == "http" {
			port = p
		}
	}
	return fmt.Sprintf("http://%s.%s.svc:%d", ServiceName(u), u.Namespace, port.Port)
}
