package conns_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/gateway/conns"
)

// server is a server that counts its connections. A request with the header X-User is that
// of a user who is logged in. The path /slow waits until the client leaves.
type server struct {
	*testing.T
	counted *conns.Connections
	address string
}

func newServer(t *testing.T, b conns.Bounds, name func(netip.Addr) string) *server {
	t.Helper()
	s := &server{T: t, counted: conns.New(b, name)}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if user := r.Header.Get("X-User"); user != "" && !conns.Known(r.Context(), user) {
			rw.Header().Set("Connection", "close")
			rw.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if r.URL.Path == "/slow" {
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		}
	}))
	h.Listener = s.counted.Listener(h.Listener)
	h.Config.ConnContext, h.Config.ConnState = s.counted.Context, s.counted.State
	h.Start()
	t.Cleanup(h.Close)
	s.address = h.Listener.Addr().String()
	return s
}

func (s *server) dial() net.Conn {
	s.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.Context(), "tcp", s.address)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a request over a connection and returns the status; 0 if it was closed.
func (s *server) ask(conn net.Conn, path, user string) int {
	s.Helper()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nX-User: "+user+"\r\n\r\n"); err != nil {
		return 0
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	return res.StatusCode
}

// served opens a connection and asks over it until it is answered. The server counts the
// connection before it as silent only a moment after its answer was read.
func (s *server) served() {
	s.Helper()
	ctx, end := context.WithTimeout(s.Context(), time.Minute)
	defer end()
	for s.ask(s.dial(), "/", "") != http.StatusOK {
		if ctx.Err() != nil {
			s.Fatal("no new connection is answered")
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *server) open(want int) {
	s.Helper()
	ctx, end := context.WithTimeout(s.Context(), time.Minute)
	defer end()
	for s.counted.Open() != want {
		if ctx.Err() != nil {
			s.Fatalf("%d connections are counted, want %d", s.counted.Open(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

func one(netip.Addr) string   { return "an address" }
func proxy(netip.Addr) string { return "" }

// Connections that say nothing make room for new ones: a class logs in although a
// neighbour behind its address holds all that the address may.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	for name, bounds := range map[string]conns.Bounds{"of one address": {PerAddress: 5}, "in all": {All: 5}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, bounds, one)
			for range 5 {
				s.dial()
			}
			s.open(5)
			for range 300 {
				s.served()
			}
			s.open(5)
		})
	}
}

// A connection with a request under way is not closed for a new one, nor is one of a user
// who is logged in.
func TestConnectionsInUseStay(t *testing.T) {
	s := newServer(t, conns.Bounds{PerAddress: 2}, one)
	slow, user := s.dial(), s.dial()
	if s.ask(slow, "/slow", "") != http.StatusOK || s.ask(user, "/", "hana") != http.StatusOK {
		t.Fatal("the first connections are refused")
	}
	for range 20 {
		s.served()
	}
	if status := s.ask(user, "/", "hana"); status != http.StatusOK {
		t.Errorf("the user's connection was closed: %d", status)
	}
	_ = slow.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := slow.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		t.Error("the connection with a request under way was closed")
	}
}

func TestConnectionsOfOneUserAreBounded(t *testing.T) {
	s := newServer(t, conns.Bounds{PerUser: 3}, one)
	first := s.dial()
	for i, want := range []int{200, 200, 200, 429} {
		conn := first
		if i > 0 {
			conn = s.dial()
		}
		if status := s.ask(conn, "/", "hana"); status != want {
			t.Errorf("connection %d is answered %d, want %d", i, status, want)
		}
	}
	if status := s.ask(s.dial(), "/", "ken"); status != http.StatusOK {
		t.Errorf("another user is answered %d", status)
	}
	_ = first.Close()
	s.open(3) // two of hana, one of ken
	if status := s.ask(s.dial(), "/", "hana"); status != http.StatusOK {
		t.Errorf("with room again, the user is answered %d", status)
	}
}

// A trusted proxy carries the requests of many users over few connections.
func TestConnectionsOfATrustedProxyAreNotBoundedByAddressOrUser(t *testing.T) {
	s := newServer(t, conns.Bounds{PerAddress: 1, PerUser: 1}, proxy)
	for range 5 {
		if status := s.ask(s.dial(), "/", "hana"); status != http.StatusOK {
			t.Errorf("answered %d", status)
		}
	}
}
