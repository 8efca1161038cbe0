package directory

import (
	"maps"
	"net"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// httpPort is the name of the port that browsers are sent to, if a carrel has one.
const httpPort = "http"

// targetOf returns the address at which a carrel serves, as "ip:port", and the name of the
// node of its pod; both are empty if it does not serve. The address is that of a ready pod behind the carrel's Service, at the port named http or
// else the first of its Template. It takes the first slice by name that has a ready pod,
// so that the address does not change needlessly. The API server admits no loopback or
// link-local address in an EndpointSlice.
func targetOf(of map[string]*discoveryv1.EndpointSlice, t *v1alpha1.Template) (target, node string) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		s := of[name]
		port, found := portOf(s.Ports, t)
		if !found || s.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for i := range s.Endpoints {
			if address, ready := addressOf(&s.Endpoints[i]); ready {
				return net.JoinHostPort(address, strconv.Itoa(int(port))), ptr.Deref(s.Endpoints[i].NodeName, "")
			}
		}
	}
	return "", ""
}

// addressOf returns the address of an endpoint, if it is ready. By the API's convention an
// unset condition means ready.
func addressOf(e *discoveryv1.Endpoint) (string, bool) {
	if !ptr.Deref(e.Conditions.Ready, true) || len(e.Addresses) == 0 {
		return "", false
	}
	return e.Addresses[0], true
}

func portOf(ports []discoveryv1.EndpointPort, t *v1alpha1.Template) (int32, bool) {
	wanted := []string{httpPort}
	if t != nil && len(t.Spec.Service.Ports) > 0 {
		wanted = append(wanted, t.Spec.Service.Ports[0].Name)
	}
	for _, name := range wanted {
		for _, p := range ports {
			if ptr.Deref(p.Name, "") == name && takesHTTP(p) {
				return *p.Port, true
			}
		}
	}
	// The Template may be gone. Then a single port is the one.
	if len(ports) == 1 && takesHTTP(ports[0]) {
		return *ports[0].Port, true
	}
	return 0, false
}

func takesHTTP(p discoveryv1.EndpointPort) bool {
	return p.Port != nil && ptr.Deref(p.Protocol, corev1.ProtocolTCP) == corev1.ProtocolTCP
}
