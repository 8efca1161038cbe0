package network

import (
	"context"
	"io"
	"net"
	"sync"
)

// Forward carries every connection that a listener accepts on to an address,
// bytes as they are, until ctx ends. A connection whose other side does not
// answer is closed.
func Forward(ctx context.Context, listener net.Listener, address string) {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go carry(ctx, near, address)
	}
}

func carry(ctx context.Context, near net.Conn, address string) {
	defer near.Close()
	far, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	stop := context.AfterFunc(ctx, func() { near.Close(); far.Close() })
	defer stop()
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
		both.Go(func() {
			_, _ = io.Copy(to, from)                                  // either end may go at any time
			if half, ok := to.(interface{ CloseWrite() error }); ok { // TCP, and TLS over it
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
