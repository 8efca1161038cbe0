package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// idle opens WebSockets without traffic and prints the memory of each.
func (b bench) idle(ctx context.Context, out io.Writer, s server) error {
	before, err := held(ctx, s.memory)
	if err != nil {
		return err
	}
	all := make([]net.Conn, 0, b.sockets)
	defer func() {
		for _, conn := range all {
			conn.Close()
		}
	}()
	begin := time.Now()
	for range b.sockets {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return err
		}
		all = append(all, conn)
		if _, err := conn.Write(s.upgrade); err != nil {
			return err
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		_ = res.Body.Close() // the body of an upgrade is empty
		if res.StatusCode != http.StatusSwitchingProtocols {
			return fmt.Errorf("answered %s", res.Status)
		}
	}
	took := time.Since(begin)
	after, err := held(ctx, s.memory)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "\n%d idle WebSockets through %s: %.1f KiB of heap and stacks each (target: at most 32), %.0f opened a second\n",
		b.sockets, s.name, float64(after-before)/float64(b.sockets)/1024, float64(b.sockets)/took.Seconds())
	return nil
}

// held returns the bytes of heap and stacks that a server uses after a garbage
// collection.
func held(ctx context.Context, address string) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var n int64
	_, err = fmt.Fscan(res.Body, &n)
	return n, err
}
