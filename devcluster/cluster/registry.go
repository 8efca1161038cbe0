package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// registryClosesWithin bounds the wait for pulls that are under way when the registry
// stops.
const registryClosesWithin = 5 * time.Second

// ServeRegistry serves a registry of images until the context ends. The node of a
// running cluster pulls from it, and this machine pushes to it. It calls listening with
// the host and port by which both reach the registry. Images are kept in memory.
func ServeRegistry(ctx context.Context, layout Layout, listening func(address string) error) error {
	record, err := Read(layout)
	if err != nil {
		return err
	}
	if record.Size != FullNode {
		return fmt.Errorf("cluster %q has no node that could pull images; only size %s has", layout.Name, FullNode)
	}
	var spec Spec
	if err := readJSON(layout.spec(), &spec); err != nil {
		return err
	}
	host := net.JoinHostPort(spec.Network.Host.Addr().String(), "0")
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", host)
	if err != nil {
		return fmt.Errorf("open a port for the registry: %w", err)
	}
	address := listener.Addr().String()
	forget, err := layout.trustRegistry(address)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(serveRegistry(ctx, listener, func() error { return listening(address) }), forget())
}

func serveRegistry(ctx context.Context, listener net.Listener, listening func() error) error {
	server := &http.Server{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := listening(); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), registryClosesWithin)
	defer cancel()
	return server.Shutdown(ctx)
}

// trustRegistry tells containerd to pull from the registry at address without TLS, and
// returns a function that takes this back.
func (l Layout) trustRegistry(address string) (forget func() error, err error) {
	directory := l.path("node", "registries", address)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("trust the registry: %w", err)
	}
	text := fmt.Sprintf("[host.\"http://%s\"]\ncapabilities = [\"pull\", \"resolve\"]\n", address)
	if err := os.WriteFile(directory+"/hosts.toml", []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("trust the registry: %w", err)
	}
	return func() error { return os.RemoveAll(directory) }, nil
}
