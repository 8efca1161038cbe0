package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// result holds the measurements of one server over all turns.
type result struct {
	took    []time.Duration
	elapsed time.Duration
}

func (r *result) perSecond() float64 { return float64(len(r.took)) / r.elapsed.Seconds() }

// percentile returns the time within which p percent of the requests were answered.
func (r *result) percentile(p int) time.Duration {
	slices.Sort(r.took)
	return r.took[min(len(r.took)-1, len(r.took)*p/100)].Round(time.Microsecond)
}

// load sends requests over n connections for the length of a turn. Each connection
// sends the next request as soon as the previous one is answered.
func load(ctx context.Context, s server, n int, turn time.Duration, r *result) error {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	begin := time.Now()
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			took, err := ask(ctx, s)
			mu.Lock()
			defer mu.Unlock()
			r.took = append(r.took, took...)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				failed = err
			}
		})
	}
	all.Wait()
	r.elapsed += time.Since(begin)
	return failed
}

func ask(ctx context.Context, s server) ([]time.Duration, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var took []time.Duration
	from := bufio.NewReader(conn)
	for ctx.Err() == nil {
		begin := time.Now()
		if _, err := conn.Write(s.request); err != nil {
			return took, err
		}
		if err := answer(from); err != nil {
			return took, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// answer reads one response with a Content-Length. It parses only what it needs,
// because the client must cost less than the measured server.
func answer(from *bufio.Reader) error {
	line, err := from.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answered %q", line)
	}
	length := -1
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("an answer without Content-Length")
	}
	_, err = io.CopyN(io.Discard, from, int64(length))
	return err
}
