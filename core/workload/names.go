// Package workload says what a carrel is made of: it turns a Userland and a
// Template into the Deployment, Service and volume claims of that user, and
// checks Templates. It is pure: no client, no clock.
package workload

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// separator stands between the parts of names made here. Userlands and volumes
// can't contain it, so that no two carrels want one name.
const separator = "--"

// DeploymentName is the name of the Deployment of a Userland.
func DeploymentName(u *v1alpha1.Userland) string { return u.Name }

// ServiceName is the name of the Service of the carrel: as the blueprint says,
// or that of the Userland. Before Kubernetes 1.36 it must begin with a letter
// (DNS-1035), and student numbers do not.
func (p Plan) ServiceName() string {
	name := p.Userland.Name
	switch {
	case p.Blueprint.Service.Name != "":
		return strings.ReplaceAll(p.Blueprint.Service.Name, userlandVariable, name)
	case name != "" && name[0] >= '0' && name[0] <= '9':
		return "u" + separator + name
	default:
		return name
	}
}

// userlandVariable stands for the name of the Userland in service.name.
const userlandVariable = "$(" + v1alpha1.UserlandEnv + ")"

// ClaimName is the name of the claim of one volume of a Userland.
func ClaimName(u *v1alpha1.Userland, volume string) string {
	return u.Name + separator + volume
}

// Address is where the carrel is reached inside the cluster: the port named
// http, else the first.
func (p Plan) Address() string {
	port, found := Port(p.Blueprint.Service, "")
	if !found {
		return ""
	}
	return fmt.Sprintf("http://%s.%s.svc:%d", p.ServiceName(), p.Userland.Namespace, port.Port)
}

// Port is the port of a name; without one it is that a browser is sent to: the
// one named http, else the first.
func Port(s v1alpha1.ServiceSpec, name string) (v1alpha1.ServicePort, bool) {
	for _, port := range s.Ports {
		if port.Name == cmp.Or(name, "http") {
			return port, true
		}
	}
	if name != "" || len(s.Ports) == 0 {
		return v1alpha1.ServicePort{}, false
	}
	return s.Ports[0], true
}
