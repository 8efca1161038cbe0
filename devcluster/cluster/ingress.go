package cluster

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/carrel-dev/carrel/devcluster/network"
)

// ingressPort is the port of the node to which the ingress forwards. A Service of
// type NodePort must use it. It lies in Kubernetes' node port range and ends like
// 443, the port of HTTPS.
const ingressPort = 30443

// startIngress opens a port on loopback. Through it, browsers on this machine reach
// what is published in the cluster, under any name of *.localhost.
func (d *daemon) startIngress(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a port for the ingress: %w", err)
	}
	node := net.JoinHostPort(d.spec.Network.Node.Addr().String(), strconv.Itoa(ingressPort))
	// The forwarding lasts until the cluster stops, beyond the start's context.
	go network.Forward(context.WithoutCancel(ctx), listener, node)
	d.update(func(r *Record) { r.Ingress = listener.Addr().String() })
	return nil
}
