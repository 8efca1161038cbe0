package cluster

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/carrel-dev/carrel/devcluster/network"
)

// ingressPort is the port of the node that the ingress leads to: a Service of
// type NodePort has it. From the range of Kubernetes' node ports, and reminding
// of HTTPS.
const ingressPort = 30443

// startIngress opens the cluster's port on loopback, on which browsers of this
// machine reach what is published in the cluster, under any name of *.localhost.
func (d *daemon) startIngress(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a port for the ingress: %w", err)
	}
	node := net.JoinHostPort(d.spec.Network.Node.Addr().String(), strconv.Itoa(ingressPort))
	// Until the cluster ends, and not only its start.
	go network.Forward(context.WithoutCancel(ctx), listener, node)
	d.update(func(r *Record) { r.Ingress = listener.Addr().String() })
	return nil
}
