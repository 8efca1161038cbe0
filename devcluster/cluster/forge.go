package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/carrel-dev/carrel/devcluster/forge"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/supervise"
)

// startForge starts Gitea at an address that both this machine and pods can reach.
func (d *daemon) startForge(ctx context.Context, address string, authority *pki.Authority) error {
	return d.report.Do("start forge", func(step *progress.Step) error {
		ports, err := network.FreePorts(ctx, address, 1)
		if err != nil {
			return err
		}
		secure, err := listenTLS(ctx, address, authority)
		if err != nil {
			return err
		}
		config := forge.Config{
			Program: d.spec.Gitea, Data: d.layout.path("gitea"),
			Address: address, Port: ports[0], SecurePort: secure.Addr().(*net.TCPAddr).Port,
		}
		// The forwarding lasts until the cluster stops, beyond the start's context.
		go network.Forward(context.WithoutCancel(ctx), secure, net.JoinHostPort(address, strconv.Itoa(config.Port)))
		step.Move("database")
		access, err := config.Prepare(ctx)
		if err != nil {
			return err
		}
		if err := d.run("gitea", config.Command()...); err != nil {
			return err
		}
		d.update(func(r *Record) { r.Forge = &access })
		return supervise.WaitReady(ctx, answers(http.DefaultClient, config.HealthURL()))
	})
}

// listenTLS listens on a free port of address, with a certificate signed by
// authority.
func listenTLS(ctx context.Context, address string, authority *pki.Authority) (net.Listener, error) {
	files, err := authority.Issue(pki.Subject{File: "forge", User: "forge", IPs: []net.IP{net.ParseIP(address)}})
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil {
		return nil, fmt.Errorf("read the forge's certificate: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, fmt.Errorf("open a port for the forge: %w", err)
	}
	return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}), nil
}
