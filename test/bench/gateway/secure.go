package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/carrel-dev/carrel/gateway/conns"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/route"
)

// defaultBounds and defaultConnections are the defaults of carrel-gateway's flags.
var (
	defaultBounds = route.Bounds{
		Requests: 5000, UserRequests: 256, CarrelRequests: 512, AddressRequests: 1000, Sockets: 6000, UserSockets: 64, CarrelSockets: 128,
	}
	defaultConnections = conns.Bounds{All: 8000, PerAddress: 2000, PerUser: 128}
)

// students is the number of carrels behind the gateway of serveSecure.
const students = 2000

func student(i int) string { return fmt.Sprintf("s%04d", i) }

// carrelAddress returns the address of a student's carrel. Each has one of its own, as pods
// do, below 127.0.0.0/8, where the upstream listens on all.
func carrelAddress(i int, upstream string) (string, error) {
	_, port, err := net.SplitHostPort(upstream)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.1.%d.%d:%s", i/200, i%200+1, port), nil
}

// serveSecure runs a gateway as carrel-gateway does, with TLS and the default bounds, until
// ctx ends.
func serveSecure(ctx context.Context, upstream string, out io.Writer) error {
	index := directory.NewIndex()
	for i := range students {
		address, err := carrelAddress(i, upstream)
		if err != nil {
			return err
		}
		if err := putCarrel(index, student(i), address); err != nil {
			return err
		}
	}
	handler, err := newGateway(ctx, index, defaultBounds, limit.OfProcess())
	if err != nil {
		return err
	}
	certificate, err := certify()
	if err != nil {
		return err
	}
	visitors, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	memory, err := serveMemory(ctx)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n%s\n\n", visitors.Addr(), memory); err != nil {
		return err
	}
	connections := conns.New(defaultConnections, func(a netip.Addr) string { return limit.Network(a.String()) })
	server := &http.Server{
		Handler: connections.Handler(handler), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 3 * time.Minute, MaxHeaderBytes: route.MaxHeader,
		ConnContext: connections.Context, ConnState: connections.State, ErrorLog: quiet,
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	listener := connections.Secure(connections.Listener(visitors), &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// certify returns a certificate that nobody vouches for.
func certify() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, DNSNames: []string{"*." + domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
