// Package isolation lists what the pods of a course must not reach, and describes in
// words what one of them reached nevertheless. Whoever tries it is a canary: a pod of the
// course that belongs to no student.
package isolation

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Part is a part of the cluster that must be closed to the pods of a course.
type Part string

// The parts, in the order in which they are named to people.
const (
	// Carrel is the pod of a carrel.
	Carrel Part = "carrel"
	// Service is the Service of a carrel.
	Service Part = "service"
	// APIServer is the API server of the cluster.
	APIServer Part = "api-server"
	// Metadata is the metadata service of a cloud, which may give away credentials of the
	// node.
	Metadata Part = "metadata"
	// Processes are the ports of Carrel's processes that are not for browsers.
	Processes Part = "processes"
	// Closed is an address that the cluster lists as closed.
	Closed Part = "closed"
)

var parts = []Part{Carrel, Service, APIServer, Metadata, Processes, Closed}

// Target is an address that must not be reached.
type Target struct {
	// Part names the owner of the address.
	Part Part
	// Address is a host and a TCP port.
	Address string
}

// String returns the target as ParseTarget reads it.
func (t Target) String() string { return string(t.Part) + "=" + t.Address }

// ParseTarget reads what String returns.
func ParseTarget(text string) (Target, error) {
	part, address, found := strings.Cut(text, "=")
	host, port, err := net.SplitHostPort(address)
	if number, numberErr := strconv.ParseUint(port, 10, 16); !found || part == "" || err != nil || host == "" || numberErr != nil || number == 0 {
		return Target{}, fmt.Errorf("%q is no target: write <part>=<host>:<port>", text)
	}
	return Target{Part: Part(part), Address: address}, nil
}
