package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/gateway/observe"
)

// serve runs one of the servers until ctx ends.
func serve(ctx context.Context, role, upstream string, out io.Writer) error {
	var handler http.Handler
	cookie := ""
	var err error
	switch role {
	case "secure":
		return serveSecure(ctx, upstream, out)
	case "upstream":
		handler = http.HandlerFunc(carrel)
	case "bare":
		handler, err = loggedBare(ctx, upstream)
	case "gateway":
		handler, cookie, err = gateway(ctx, upstream)
	default:
		err = fmt.Errorf("there is no server %q", role)
	}
	if err != nil {
		return err
	}
	at := "127.0.0.1:0"
	if role == "upstream" {
		at = "0.0.0.0:0" // it is each of the carrels that carrelAddress names
	}
	visitors, err := new(net.ListenConfig).Listen(ctx, "tcp4", at)
	if err != nil {
		return err
	}
	memory, err := serveMemory(ctx)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n%s\n%s\n", reachable(visitors.Addr()), memory, cookie); err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 3 * time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(visitors); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// quiet takes the messages of http.Server about connections that end.
var quiet = log.New(io.Discard, "", 0)

// reachable returns an address of a listener by which this machine reaches it.
func reachable(a net.Addr) string {
	return strings.Replace(a.String(), "0.0.0.0", "127.0.0.1", 1)
}

// serveMemory returns an address that reports this process' memory.
func serveMemory(ctx context.Context) (net.Addr, error) {
	memory, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(memory, http.HandlerFunc(reportMemory)) }()
	return memory.Addr(), nil
}

// reportMemory responds with the bytes of heap and stacks in use.
func reportMemory(rw http.ResponseWriter, _ *http.Request) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_, _ = fmt.Fprintln(rw, m.HeapAlloc+m.StackInuse)
}

var body = []byte(strings.Repeat("x", 1024))

// carrel responds with one kilobyte, or opens a WebSocket and sends nothing.
func carrel(rw http.ResponseWriter, r *http.Request) {
	if misbehave(rw, r) {
		return
	}
	if r.Header.Get("Upgrade") == "" {
		rw.Header().Set("Content-Length", "1024")
		_, _ = rw.Write(body)
		return
	}
	conn, both, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	if _, err := both.WriteString(switching); err != nil || both.Flush() != nil {
		return
	}
	_, _ = bufio.NewReaderSize(conn, 16).ReadByte()
}

// loggedBare returns the bare proxy with the access log of the gateway, so that both write
// a line for each request.
func loggedBare(ctx context.Context, upstream string) (http.Handler, error) {
	lines, err := accessLog(ctx)
	if err != nil {
		return nil, err
	}
	return observe.Handler(observe.NewMetrics(prometheus.NewRegistry()), clock.RealClock{}, lines, bare(upstream)), nil
}

// bare returns a minimal proxy with a connection pool.
func bare(upstream string) http.Handler {
	target := &url.URL{Scheme: "http", Host: upstream}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, MaxIdleConnsPerHost: 256, DisableCompression: true,
		},
	}
}
