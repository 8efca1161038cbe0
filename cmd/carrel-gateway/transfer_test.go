package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// transferred is the size of a large file, in bytes.
	transferred = 128 << 20
	// transferPause is the time for which a transfer stands still in its middle.
	transferPause = 3 * time.Second
	// transferBlock is the size of a block, in bytes. Each block differs from all others.
	transferBlock = 64 << 10
)

// A large file arrives whole, in both directions and over both protocols, although its
// transfer brings more to the gateway than headers may have, and takes its time.
func TestLargeFilesArriveWhole(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "first")
	w := start(t, func(o *options) {
		o.certificate, o.certificateKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	})
	w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			if err := readFile(r.Body); err != nil {
				http.Error(rw, err.Error(), http.StatusBadRequest)
			}
			return
		}
		rw.Header().Set("Content-Length", strconv.Itoa(transferred))
		_, _ = io.Copy(rw, &file{})
	}))
	for _, test := range []struct {
		method, proto string
	}{
		{http.MethodGet, "HTTP/2.0"}, {http.MethodGet, "HTTP/1.1"}, {http.MethodPut, "HTTP/2.0"}, {http.MethodPut, "HTTP/1.1"},
	} {
		t.Run(test.method+" "+test.proto, func(t *testing.T) {
			protocols := new(http.Protocols)
			protocols.SetHTTP1(test.proto == "HTTP/1.1")
			protocols.SetHTTP2(test.proto == "HTTP/2.0")
			transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the certificate is the test's own
			defer transport.CloseIdleConnections()
			var body io.Reader
			if test.method == http.MethodPut {
				body = &file{}
			}
			r, err := http.NewRequestWithContext(t.Context(), test.method, "https://"+w.visitors.Addr().String()+"/file", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = w.host("hana")
			r.Header.Set("Origin", "https://"+r.Host)
			r.Header.Set("X-Test-User", "hana")
			r.Header.Set("X-Test-Secret", secret)
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode != http.StatusOK || res.Proto != test.proto {
				said, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
				t.Fatalf("answered %s in %s: %s", res.Status, res.Proto, said)
			}
			if test.method == http.MethodGet {
				if err := readFile(res.Body); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// serve lets the carrel of hana serve a handler.
func (w *running) serve(h http.Handler) {
	w.t.Helper()
	carrel := httptest.NewServer(h)
	w.t.Cleanup(carrel.Close)
	at := carrel.Listener.Addr().(*net.TCPAddr)
	port := int32(at.Port) //nolint:gosec // a port has 16 bits
	// The API server admits no address of the loopback network.
	w.directory.Put(&discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: w.course, Name: "hana", Labels: map[string]string{v1alpha1.UserlandLabel: "hana"}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: &port}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{at.IP.String()}}},
	})
	w.until("the carrel serves", func() bool {
		c, _ := w.directory.Carrel(w.course, "hana")
		return c.Target != ""
	})
}

// file reads a large file of numbered blocks.
type file struct {
	block [transferBlock]byte
	// at is the number of bytes that were read.
	at int
}

func (f *file) Read(p []byte) (int, error) {
	switch f.at {
	case transferred:
		return 0, io.EOF
	case transferred / 2:
		time.Sleep(transferPause)
	}
	begin := f.at % transferBlock
	if begin == 0 {
		binary.BigEndian.PutUint64(f.block[:], uint64(f.at)) //nolint:gosec // it is not negative
	}
	n := copy(p, f.block[begin:])
	f.at += n
	return n, nil
}

// readFile reads a large file, and returns how it differs from the one that was sent.
func readFile(from io.Reader) error {
	var got, want [transferBlock]byte
	for at := 0; ; at += transferBlock {
		n, err := io.ReadFull(from, got[:])
		if errors.Is(err, io.EOF) && at == transferred {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", at+n, transferred, err)
		}
		binary.BigEndian.PutUint64(want[:], uint64(at)) //nolint:gosec // it is not negative
		if !bytes.Equal(got[:], want[:]) {
			return fmt.Errorf("the block at %d is another one", at)
		}
	}
}
