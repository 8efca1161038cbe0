package conns_test

import (
	"io"
	"net"
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

// send sends the beginning of headers of a size over a new connection.
func (s *server) send(size int) net.Conn {
	s.Helper()
	conn := s.dial()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", size)); err != nil {
		s.Fatal(err)
	}
	return conn
}

// closed waits until the server closes a connection.
func (s *server) closed(conn net.Conn) {
	s.Helper()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
		s.Fatal("the connection with large headers stays open")
	}
}

// After large headers, four connections of that address go to the second server, and no
// more.
func TestConnectionsAfterLargeHeaders(t *testing.T) {
	s, diverted := newLarge(t, one)
	s.served()
	s.closed(s.send(20 << 10))
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
	var large []net.Conn
	for next = range 10 {
		names <- string('a' + next)
		large = append(large, s.send(20<<10))
	}
	for _, conn := range large {
		s.closed(conn)
	}
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
			if of := name == "a proxy"; of {
				_ = s.send(20 << 10)
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
			time.Sleep(3 * time.Second) // the server looks after two
			s.served()
			if len(diverted) > 0 {
				t.Error("a connection goes to the second server")
			}
		})
	}
}
