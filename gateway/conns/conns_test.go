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
	"sync"
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
	h := s.unstarted()
	h.Start()
	t.Cleanup(h.Close)
	return s
}

func (s *server) unstarted() *httptest.Server {
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
	s.address = h.Listener.Addr().String()
	h.Listener = s.counted.Listener(h.Listener)
	h.Config.ConnContext, h.Config.ConnState = s.counted.Context, s.counted.State
	return h
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

// served opens a connection and asks over it. It must be answered.
func (s *server) served() {
	s.Helper()
	if status := s.ask(s.dial(), "/", ""); status != http.StatusOK {
		s.Errorf("a new connection is answered %d", status)
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

// At the bound, each of many connections that come at the same time is answered: none is
// closed for another while its request is on the way, or because an answer is just being
// finished.
func TestAtTheBoundEveryNewConnectionIsAnswered(t *testing.T) {
	for name, bounds := range map[string]conns.Bounds{"of one address": {PerAddress: 5}, "in all": {All: 5}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, bounds, one)
			var group sync.WaitGroup
			for range 50 {
				group.Go(func() {
					for range 40 {
						s.served()
					}
				})
			}
			group.Wait()
		})
	}
}

// The server calls a connection of HTTP/2 idle before its first request, and before its
// answer is sent.
func TestAtTheBoundHTTP2IsAnswered(t *testing.T) {
	s := &server{T: t, counted: conns.New(conns.Bounds{PerAddress: 5}, one)}
	h := s.unstarted()
	h.EnableHTTP2 = true
	h.StartTLS()
	t.Cleanup(h.Close)
	trusted := h.Client().Transport.(*http.Transport).TLSClientConfig
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			for range 3 {
				client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusted.Clone(), ForceAttemptHTTP2: true}}
				res, err := client.Get(h.URL) //nolint:noctx // the test has its own limits
				if err != nil {
					t.Errorf("a new connection is not answered: %v", err)
					continue
				}
				_ = res.Body.Close()
				if res.ProtoMajor != 2 {
					t.Errorf("it speaks %s", res.Proto)
				}
			}
		})
	}
	group.Wait()
}

// A connection whose address has only requests under way waits, and is closed in the end.
// That keeps nobody else waiting.
func TestConnectionsWithoutAPlaceWaitAndEnd(t *testing.T) {
	names := make(chan string, 3)
	s := newServer(t, conns.Bounds{PerAddress: 1, All: 3}, func(netip.Addr) string { return <-names })
	names <- "full"
	if s.ask(s.dial(), "/slow", "") != http.StatusOK {
		t.Fatal("the first connection is refused")
	}
	names <- "full"
	waits := s.dial()
	begun, ended := time.Now(), make(chan int)
	go func() { ended <- s.ask(waits, "/", "") }()
	names <- "another"
	s.served()
	if took := time.Since(begun); took > time.Second {
		t.Errorf("another address waits for %v", took)
	}
	if status := <-ended; status != 0 {
		t.Errorf("the connection over the bound is answered %d", status)
	}
	s.open(2)
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
