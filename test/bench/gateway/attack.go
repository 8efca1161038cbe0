package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// memoryLimit bounds the memory of the gateway, in bytes.
	memoryLimit = 512 << 20
	// attempts is the number of requests and WebSockets that the attacker opens, and
	// attackers the number of those that are tried at the same time.
	attempts, attackers = 20_000, 2000
	// victimRate is the number of requests a second of the other student, over
	// victimConnections, as many as a browser opens.
	victimRate, victimConnections = 20, 6
)

// attacked measures what a student notices of an attack by another. Two gateways run, and
// the student uses the first. Without an attack, the second one is attacked, so that the
// processor has the same load.
func (b bench) attacked(ctx context.Context, out io.Writer) (err error) {
	p, err := newProcesses()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	honest, err := p.self(ctx, "upstream", "")
	if err != nil {
		return err
	}
	var gateways [2]server
	var groups [2]cgroup
	for i := range gateways {
		if gateways[i], err = p.self(ctx, "secure", honest.address, "GOMEMLIMIT="+strconv.Itoa(memoryLimit/10*9)); err != nil {
			return err
		}
		gateways[i].tls = true
		if groups[i], err = newCgroup(fmt.Sprintf("carrel-bench-%d-%d", os.Getpid(), i), gateways[i].process.Pid); err != nil {
			return fmt.Errorf("a cgroup of 512 MiB: %w", err)
		}
		defer func() {
			_ = gateways[i].process.Kill()
			err = errors.Join(err, groups[i].remove())
		}()
	}
	var p99 [2]time.Duration
	for i, target := range []int{1, 0} { // the other gateway, then the student's
		r := &result{}
		said, err := b.under(ctx, gateways[target], gateways[0], r)
		if err != nil {
			return err
		}
		p99[i] = r.percentile(99)
		name := "the other gateway is attacked"
		if target == 0 {
			name = "the student's gateway is attacked"
		}
		_, _ = fmt.Fprintf(out, "\n%s: %d requests of the student, p50 %s, p99 %s; of the attacker %s\n", name, len(r.took), r.percentile(50), p99[i], said)
	}
	for i, g := range groups {
		most, killed, err := g.most()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "gateway %d: %d MiB at most of 512, killed for memory %d times, alive: %v\n", i+1, most>>20, killed, alive(gateways[i]))
	}
	_, _ = fmt.Fprintf(out, "p99 is %.2f x that without the attack; target: at most 2, memory within the limit, no restart\n", float64(p99[1])/float64(p99[0]))
	return nil
}

func alive(s server) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/exe", s.process.Pid))
	return err == nil
}

// under measures the requests of a student through one gateway while another is attacked. It
// returns how often the attacker was answered what.
func (b bench) under(ctx context.Context, target, used server, r *result) (string, error) {
	honest, err := logInOver(ctx, used, student(1))
	if err != nil {
		return "", err
	}
	defer honest.conn.Close()
	hostile, err := logInOver(ctx, target, student(2))
	if err != nil {
		return "", err
	}
	defer hostile.conn.Close()
	attack, stop := context.WithTimeout(ctx, b.attack)
	defer stop()
	var answers tally
	var left atomic.Int64
	left.Store(attempts)
	var all sync.WaitGroup
	for i := range attackers {
		all.Go(func() {
			for n := i; attack.Err() == nil && left.Add(-1) >= 0; n++ {
				answers.add(attempt(attack, target, hostile, n))
			}
		})
	}
	used.request = requestTo(honest.host, honest.cookie)
	// The first second of an attack is not measured: so many connections begin in it.
	begin := time.Now().Add(time.Second)
	err = atRate(ctx, used, begin, begin.Add(b.attack-2*time.Second), victimConnections, victimRate, r)
	stop()
	all.Wait()
	return answers.String(), err
}

// attempt sends one hostile request, holds it as long as the attack or its answer lasts, and
// returns how it ended.
func attempt(ctx context.Context, s server, v visitor, n int) string {
	conn, err := s.dial(ctx)
	if err != nil && ctx.Err() != nil {
		return "at the end"
	}
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	paths := slices.Sorted(maps.Keys(misdeeds))
	request := upgradeOf(v.host, v.cookie)
	if n%2 == 0 {
		request = []byte(strings.Replace(string(requestTo(v.host, v.cookie)), "/api/state", paths[n/2%len(paths)], 1))
	}
	_, err = conn.Write(request)
	if err != nil {
		return "no request"
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil && ctx.Err() != nil {
		return "waiting for an answer"
	}
	if err != nil {
		return "no answer"
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		<-ctx.Done()
		return "WebSocket"
	}
	if n%4 == 0 {
		<-ctx.Done() // it does not read what it asked for
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return strconv.Itoa(res.StatusCode)
}

// tally counts words.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(word string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[word]++
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, word := range slices.Sorted(maps.Keys(t.counts)) {
		all = append(all, fmt.Sprintf("%d x %s", t.counts[word], word))
	}
	return strings.Join(all, ", ")
}

// cgroup is a directory below which the kernel bounds the memory of a process, of version 1
// or 2.
type cgroup struct{ dir, peak, killed string }

// newCgroup bounds the memory of a process.
func newCgroup(name string, pid int) (cgroup, error) {
	const root = "/sys/fs/cgroup"
	g := cgroup{filepath.Join(root, "memory", name), "memory.max_usage_in_bytes", "memory.oom_control"}
	limit := "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(root, "memory")); err != nil {
		g, limit = cgroup{filepath.Join(root, name), "memory.peak", "memory.events"}, "memory.max"
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return g, err
	}
	return g, errors.Join(g.write(limit, memoryLimit), g.write("cgroup.procs", pid))
}

func (g cgroup) write(file string, value int) error {
	return os.WriteFile(filepath.Join(g.dir, file), []byte(strconv.Itoa(value)), 0o600)
}

// most returns the most memory that was taken, in bytes, and how often the kernel killed a
// process for it.
func (g cgroup) most() (most, killed int64, err error) {
	data, err := os.ReadFile(filepath.Join(g.dir, g.peak))
	if err != nil {
		return 0, 0, err
	}
	if most, err = strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err != nil {
		return 0, 0, err
	}
	data, err = os.ReadFile(filepath.Join(g.dir, g.killed))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, "oom_kill "); found {
			killed, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return most, killed, err
}

// remove removes the cgroup after its process has ended.
func (g cgroup) remove() error {
	var err error
	for range 100 {
		if err = os.Remove(g.dir); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
