package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// rates lists the numbers of requests a second that are sent without regard to the answers.
var rates = []int{1000, 5000}

// openConnections is the number of connections over which they are sent. A request is sent
// when it is due, or as soon as the one before it on its connection is answered.
const openConnections = 100

// openLoop sends requests at a rate for the length of a turn. Each takes the time from when
// it was due, so a server that stands still is not asked less.
func openLoop(ctx context.Context, s server, rate int, turn time.Duration, r *result) error {
	ctx, cancel := context.WithTimeout(ctx, turn+time.Minute)
	defer cancel()
	begin := time.Now().Add(100 * time.Millisecond)
	return atRate(ctx, s, begin, begin.Add(turn), openConnections, rate, r)
}

// atRate sends requests at a rate over n connections, from begin until end.
func atRate(ctx context.Context, s server, begin, end time.Time, n, rate int, r *result) error {
	between := time.Duration(n) * time.Second / time.Duration(rate)
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			took, err := atTimes(ctx, s, begin.Add(between*time.Duration(i)/time.Duration(n)), end, between)
			mu.Lock()
			defer mu.Unlock()
			r.took = append(r.took, took...)
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	r.elapsed += time.Since(begin)
	return failed
}

// atTimes sends requests over one connection, from due until end, and returns how long
// after its time each was answered.
func atTimes(ctx context.Context, s server, due, end time.Time, between time.Duration) ([]time.Duration, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var took []time.Duration
	from := bufio.NewReader(conn)
	for ; due.Before(end); due = due.Add(between) {
		if err := waitUntil(ctx, due); err != nil {
			return took, err
		}
		if _, err := conn.Write(s.request); err != nil {
			return took, err
		}
		if err := answer(from); err != nil {
			return took, err
		}
		took = append(took, time.Since(due))
	}
	return took, nil
}

// waitUntil waits until a time, which may be over.
func waitUntil(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(at)):
		return nil
	}
}

// dial connects to a server.
func (s server) dial(ctx context.Context) (net.Conn, error) {
	if !s.tls {
		return new(net.Dialer).DialContext(ctx, "tcp", s.address)
	}
	return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", s.address) //nolint:gosec // the certificate is the bench's own
}

func printOpen(out io.Writer, rate int, servers []server, results map[string]*result) {
	_, _ = fmt.Fprintf(out, "\nopen loop, %d requests a second\n%-10s %10s %10s %10s\n", rate, "", "requests/s", "p50", "p99")
	for _, s := range servers {
		r := results[s.name]
		_, _ = fmt.Fprintf(out, "%-10s %10.0f %10s %10s\n", s.name, r.perSecond(), r.percentile(50), r.percentile(99))
	}
	_, _ = fmt.Fprintln(out, "targets: at 1000, p50 at most nginx's + 0.3 ms, p99 at most nginx's + 2 ms; at 5000, never above the bare proxy")
}
