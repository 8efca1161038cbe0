package conns_test

import (
	"crypto/tls"
	"net"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/gateway/conns"
)

// At most half of the processors compute handshakes, however many connections come at the
// same time, and each of these has its turn. A visitor who says nothing holds none.
func TestHandshakesTakeTurns(t *testing.T) {
	s := &server{T: t, counted: conns.New(conns.Bounds{}, one)}
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	certificate := certified.TLS.Certificates[0]
	var computing, most atomic.Int64
	h := s.unstarted()
	h.Listener = s.counted.Secure(h.Listener, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if now := computing.Add(1); now > most.Load() {
				most.Store(now)
			}
			defer computing.Add(-1)
			time.Sleep(20 * time.Millisecond)
			return &certificate, nil
		},
	})
	h.Start()
	t.Cleanup(h.Close)
	for range 10 {
		s.dial()
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Minute}, Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the certificate is the test's own
			conn, err := dialer.DialContext(t.Context(), "tcp", s.address)
			if err != nil {
				t.Errorf("a handshake has no turn: %v", err)
				return
			}
			_ = conn.Close()
		})
	}
	group.Wait()
	if want := int64(max(1, runtime.GOMAXPROCS(0)/2)); most.Load() > want || most.Load() == 0 {
		t.Errorf("%d handshakes computed at the same time, want at most %d", most.Load(), want)
	}
}
