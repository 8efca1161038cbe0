package conns_test

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/gateway/conns"
)

// newLarge returns a server with a second one for large headers, and the channel of the
// connections that come to the second one.
func newLarge(t *testing.T, name func(netip.Addr) string) (*server, <-chan net.Conn) {
	t.Helper()
	s := &server{T: t, counted: conns.New(conns.Bounds{}, name)}
	h := s.unstarted()
	h.Config.Handler = s.counted.Handler(h.Config.Handler)
	h.Config.MaxHeaderBytes = 16 << 10
	second := s.counted.Large(h.Listener.Addr())
	diverted := make(chan net.Conn, 100)
	go func() {
		for {
			one, err := second.Accept()
			if err != nil {
				return
			}
			diverted <- one
		}
	}()
	h.Start()
	t.Cleanup(func() {
		_ = second.Close()
		h.Close()
	})
	return s, diverted
}

// refused sends large headers over a new connection. The server must refuse them and close
// the connection.
func (s *server) refused() {
	s.Helper()
	if status := s.ask(s.dial(), "/", strings.Repeat("x", 30<<10)); status != http.StatusRequestHeaderFieldsTooLarge {
		s.Fatalf("large headers are answered %d", status)
	}
}

// After large headers, four connections of that address go to the second server, and no
// more.
func TestConnectionsAfterLargeHeaders(t *testing.T) {
	s, diverted := newLarge(t, one)
	s.served()
	s.refused()
	s.open(1)
	for range 4 {
		s.dial()
		select {
		case <-diverted:
		case <-time.After(time.Minute):
			t.Fatal("the next connection does not go to the second server")
		}
	}
	s.served()
	if len(diverted) > 0 {
		t.Error("a fifth connection goes to the second server")
	}
}

// The second server reads large headers of few connections at the same time, whatever many
// addresses send.
func TestLargeHeadersAreReadOfFew(t *testing.T) {
	var next byte
	names := make(chan string, 1)
	s, diverted := newLarge(t, func(netip.Addr) string { return <-names })
	for next = range 10 {
		names <- string('a' + next)
		s.refused()
	}
	s.open(0)
	for next = range 10 {
		for range 2 {
			names <- string('a' + next)
			s.dial()
		}
	}
	deadline := time.Now().Add(time.Minute)
	for len(diverted) < 16 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	s.open(20)
	if got := len(diverted); got != 16 {
		t.Fatalf("%d connections are at the second server, want 16", got)
	}
	// One that ends makes room.
	_ = (<-diverted).Close()
	names <- "a"
	s.dial()
	select {
	case <-time.After(time.Minute):
		t.Error("nothing makes room")
	case <-diverted:
	}
}

// Bodies are no headers, however large they are and whether or not they are read, and
// nobody learns anything of the addresses behind a proxy.
func TestBodiesAreNoHeaders(t *testing.T) {
	for name, of := range map[string]func(netip.Addr) string{"a visitor": one, "a proxy": proxy} {
		t.Run(name, func(t *testing.T) {
			s, diverted := newLarge(t, of)
			conn := s.dial()
			if name == "a proxy" {
				s.refused()
			}
			for range 3 {
				body := strings.Repeat("x", 100<<10)
				if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 102400\r\n\r\n"+body); err != nil {
					t.Fatal(err)
				}
				if status := s.ask(conn, "/", ""); status == 0 {
					t.Error("a connection with a body was closed")
				}
			}
			_ = conn.Close()
			s.open(0)
			s.served()
			if len(diverted) > 0 {
				t.Error("a connection goes to the second server")
			}
		})
	}
}
