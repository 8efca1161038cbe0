package network

import (
	"io"
	"net"
	"testing"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// Each side may say that it is done and still hear the other out.
func TestForwardCarriesBothWays(t *testing.T) {
	far, near := listen(t), listen(t)
	go func() {
		connection, err := far.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		heard, _ := io.ReadAll(connection)
		_, _ = io.WriteString(connection, "heard "+string(heard))
	}()
	go Forward(t.Context(), near, far.Addr().String())

	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(connection); string(answer) != "heard hello" || err != nil {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestForwardClosesWhenNobodyAnswers(t *testing.T) {
	far, near := listen(t), listen(t)
	nobody := far.Addr().String()
	far.Close()
	go Forward(t.Context(), near, nobody)
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if n, err := connection.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("read %d bytes, %v, of a connection that leads nowhere", n, err)
	}
}
