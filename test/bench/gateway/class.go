package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// comeWithin is the time within which the students of a class come, one after the other,
	// and loadWithin the time in which each sends their requests. Together they are a minute.
	comeWithin, loadWithin = 40 * time.Second, 20 * time.Second
	// requestsEach is the number of requests of each.
	requestsEach = 36
)

// classResult holds what a class measured.
type classResult struct {
	mu sync.Mutex
	// logins, requests and sockets hold the times from when each was due.
	logins, requests, sockets result
	failed                    []error
	open                      []net.Conn
}

// class lets n students log in over TLS, open a WebSocket, and send their requests. It prints
// the times, and the gateway's memory while all WebSockets are open.
func (b bench) class(ctx context.Context, out io.Writer, n int) (err error) {
	p, err := newProcesses()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	upstream, err := p.self(ctx, "upstream", "")
	if err != nil {
		return err
	}
	s, err := p.self(ctx, "secure", upstream.address, "GOMEMLIMIT=460MiB")
	if err != nil {
		return err
	}
	s.tls = true
	before, err := held(ctx, s.memory)
	if err != nil {
		return err
	}
	r := &classResult{}
	defer func() {
		for _, conn := range r.open {
			_ = conn.Close()
		}
	}()
	begin := time.Now()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { r.come(ctx, s, student(i), begin.Add(comeWithin*time.Duration(i)/time.Duration(n))) })
	}
	all.Wait()
	took := time.Since(begin)
	most, err := mostMemory(s)
	if err != nil {
		return err
	}
	after, err := held(ctx, s.memory)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "\na class of %d over TLS: %d requests each and a WebSocket each within %s: %d failed\n", n, requestsEach, took.Round(time.Second), len(r.failed))
	for _, one := range []struct {
		name string
		of   *result
	}{{"logins", &r.logins}, {"WebSockets", &r.sockets}, {"requests", &r.requests}} {
		if len(one.of.took) > 0 {
			_, _ = fmt.Fprintf(out, "%-10s %8d   p50 %s, p99 %s, at most %s\n", one.name, len(one.of.took), one.of.percentile(50), one.of.percentile(99), one.of.percentile(100))
		}
	}
	_, _ = fmt.Fprintf(out, "memory: %s at most; heap and stacks with all WebSockets open %.0f MiB, before %.0f MiB\ntargets: 0 failed, p99 of requests at most 0.5 s\n",
		most, float64(after)/(1<<20), float64(before)/(1<<20))
	for _, err := range r.failed[:min(3, len(r.failed))] {
		_, _ = fmt.Fprintln(out, "failed:", err)
	}
	return nil
}

// come is one student, who comes when due.
func (r *classResult) come(ctx context.Context, s server, user string, due time.Time) {
	err := r.visit(ctx, s, user, due)
	if err != nil {
		r.mu.Lock()
		r.failed = append(r.failed, fmt.Errorf("%s: %w", user, err))
		r.mu.Unlock()
	}
}

func (r *classResult) visit(ctx context.Context, s server, user string, due time.Time) error {
	if err := waitUntil(ctx, due); err != nil {
		return err
	}
	v, err := logInOver(ctx, s, user)
	if err != nil {
		return err
	}
	defer v.conn.Close()
	r.note(&r.logins, due)
	opened := time.Now()
	socket, err := openSocket(ctx, s, v.host, v.cookie)
	if err != nil {
		return err
	}
	r.note(&r.sockets, opened)
	r.mu.Lock()
	r.open = append(r.open, socket)
	r.mu.Unlock()
	request := requestTo(v.host, v.cookie)
	begin := time.Now()
	for i := range requestsEach {
		due := begin.Add(loadWithin * time.Duration(i) / requestsEach)
		if err := waitUntil(ctx, due); err != nil {
			return err
		}
		if _, err := v.conn.Write(request); err != nil {
			return err
		}
		if err := answer(v.from); err != nil {
			return err
		}
		r.note(&r.requests, due)
	}
	return nil
}

func (r *classResult) note(of *result, due time.Time) {
	took := time.Since(due)
	r.mu.Lock()
	of.took = append(of.took, took)
	r.mu.Unlock()
}

// visitor is somebody who has logged in.
type visitor struct {
	conn net.Conn
	from *bufio.Reader
	// host names the host of the visitor's carrel. cookie holds the whole header line.
	host, cookie string
}

// logInOver follows the redirects of a browser over a connection of its own, from the carrel
// to the desk and back.
func logInOver(ctx context.Context, s server, user string) (visitor, error) {
	v := visitor{host: user + "--" + course + "." + domain}
	var err error
	if v.conn, err = s.dial(ctx); err != nil {
		return v, err
	}
	v.from = bufio.NewReader(v.conn)
	address := "https://" + v.host + "/"
	cookies := map[string]string{} // of the carrel
	for range 6 {
		u, err := url.Parse(address)
		if err != nil {
			return v, err
		}
		head := "GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n"
		if "https://"+u.Host == deskURL {
			head += userHeader + ": " + user + "\r\n" + secretHeader + ": secret\r\n"
		} else if len(cookies) > 0 {
			head += "Cookie: " + strings.Join(slices.Collect(maps.Values(cookies)), "; ") + "\r\n"
		}
		if _, err := io.WriteString(v.conn, head+"\r\n"); err != nil {
			return v, err
		}
		res, err := http.ReadResponse(v.from, nil)
		if err != nil {
			return v, err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		for _, set := range res.Cookies() {
			switch {
			case u.Host != v.host:
			case set.Value == "":
				delete(cookies, set.Name)
			default:
				cookies[set.Name] = set.Name + "=" + set.Value
			}
		}
		if res.StatusCode == http.StatusOK {
			v.cookie = "Cookie: " + strings.Join(slices.Collect(maps.Values(cookies)), "; ") + "\r\n"
			return v, nil
		}
		next := res.Header.Get("Location")
		if next == "" {
			return v, fmt.Errorf("the login is answered %s", res.Status)
		}
		if strings.HasPrefix(next, "/") {
			next = "https://" + u.Host + next
		}
		address = next
	}
	return v, fmt.Errorf("the login does not end: it leads to %s", address)
}

// openSocket opens a WebSocket.
func openSocket(ctx context.Context, s server, host, cookie string) (net.Conn, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(upgradeOf(host, cookie)); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close() // the body of an upgrade is empty
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("a WebSocket is answered %s", res.Status)
	}
	return conn, nil
}
