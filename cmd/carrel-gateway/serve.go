package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/carrel-dev/carrel/gateway/route"
)

const (
	// headersWithin bounds the time for the headers of a request.
	headersWithin = 10 * time.Second
	// largeHeader bounds the size of the headers of a request that the second server reads,
	// in bytes. Browsers keep 180 cookies of 4 KiB for one site.
	largeHeader = 768 << 10
	// maxStreams bounds the requests under way over one connection of HTTP/2. A browser
	// holds further ones back.
	maxStreams = 50
	// connectionBuffer and streamBuffer bound, in bytes, what is kept of uploads that a
	// carrel does not read, for one connection and one request of HTTP/2.
	connectionBuffer, streamBuffer = 512 << 10, 256 << 10
	// idleFor is the time for which a connection without requests is kept.
	idleFor = 3 * time.Minute
	// farewell bounds the time in which WebSockets are closed at the end.
	farewell = 10 * time.Second
)

// run serves until the context ends. It then serves those who are connected until they have
// gone, or the time of --drain-for is over.
func (g *gateway) run(ctx context.Context) error {
	// The tasks go on while visitors are still served.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, working := errgroup.WithContext(working)
	for _, task := range g.tasks {
		group.Go(func() error { return task(working) })
	}
	group.Go(func() error {
		defer stop()
		return g.serve(ctx, working)
	})
	probes := http.NewServeMux()
	probes.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	probes.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		if err := g.ready(ctx); err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		}
	})
	group.Go(func() error { return aside(working, g.probes, probes) })
	numbers := promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{})
	group.Go(func() error { return aside(working, g.numbers, numbers) })
	return group.Wait()
}

// ready returns an error while the cluster should send no visitors to this replica.
func (g *gateway) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("the gateway is about to stop")
	}
	if !g.logouts.Ready() {
		return errors.New("the logins that have ended are not read yet")
	}
	return g.directory.Ready()
}

// serve serves visitors until ctx ends, and then drains. It stops at once when working ends.
func (g *gateway) serve(ctx, working context.Context) error {
	server := g.newServer(working)
	server.MaxHeaderBytes = route.MaxHeader
	large := g.newServer(working)
	large.MaxHeaderBytes = largeHeader
	large.SetKeepAlivesEnabled(false)
	config, err := g.tlsConfig(working)
	if err != nil {
		return err
	}
	ofLarge, listener := g.connections.Large(g.visitors.Addr()), g.connections.Listener(g.visitors)
	if config != nil {
		ofLarge, listener = g.connections.Secure(ofLarge, config), g.connections.Secure(listener, config)
	}
	ctrl.Log.Info("serve", "desk", g.router.Hosts.DeskURL(), "on", g.visitors.Addr().String())
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	go func() { failed <- large.Serve(ofLarge) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-working.Done():
		return errors.Join(server.Close(), large.Close())
	case <-ctx.Done():
	}
	return g.leave(working, server, large)
}

// newServer returns a server of visitors, without a bound for headers.
func (g *gateway) newServer(working context.Context) *http.Server {
	return &http.Server{
		Handler: g.connections.Handler(g.handler), ReadHeaderTimeout: headersWithin, IdleTimeout: idleFor,
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: connectionBuffer, MaxReceiveBufferPerStream: streamBuffer},
		BaseContext: func(net.Listener) context.Context { return ctrl.LoggerInto(working, ctrl.Log.WithName("gateway")) },
		ConnContext: g.connections.Context, ConnState: g.connections.State,
		ErrorLog: log.New(serverLog{ctrl.Log}, "", 0),
	}
}

// leave serves new visitors for --settle-for, until the cluster sends them elsewhere, and
// those who are connected for --drain-for.
func (g *gateway) leave(working context.Context, servers ...*http.Server) error {
	ctrl.Log.Info("stop", "newVisitorsFor", g.options.settleFor.String(), "othersFor", g.options.drainFor.String())
	select {
	case <-working.Done():
	case <-time.After(g.options.settleFor):
	}
	ctx, cancel := context.WithTimeout(working, g.options.drainFor)
	defer cancel()
	var group errgroup.Group
	for _, server := range servers {
		group.Go(func() error {
			if err := server.Shutdown(ctx); err != nil {
				return server.Close()
			}
			return nil
		})
	}
	g.router.Drain(ctx, farewell)
	return group.Wait()
}

// tlsConfig returns how TLS is spoken, without protocols; nil if there is no certificate.
func (g *gateway) tlsConfig(working context.Context) (*tls.Config, error) {
	if g.options.certificate == "" {
		return nil, nil //nolint:nilnil // plain HTTP needs none
	}
	watcher, err := certwatcher.New(g.options.certificate, g.options.certificateKey)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", g.options.certificate, err)
	}
	go func() {
		if err := watcher.Start(working); err != nil {
			ctrl.Log.Error(err, "follow the certificate")
		}
	}()
	return &tls.Config{GetCertificate: watcher.GetCertificate, MinVersion: tls.VersionTLS12}, nil
}

// aside serves probes or metrics; nothing if the listener is nil.
func aside(ctx context.Context, listener net.Listener, handler http.Handler) error {
	if listener == nil {
		return nil
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headersWithin}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	}
	return nil
}

// serverLog writes the messages of http.Server to the log, at level 1, since network
// scanners fail at TLS all the time. It logs a panic as an error, without the visitor's
// address.
type serverLog struct{ log logr.Logger }

func (c serverLog) Write(p []byte) (int, error) {
	if what, ours := strings.CutPrefix(string(p), "http: panic serving "); ours {
		_, cause, _ := strings.Cut(what, ": ")
		c.log.Error(errors.New(cause), "answer a request")
	} else {
		c.log.V(1).Info(string(p))
	}
	return len(p), nil
}
