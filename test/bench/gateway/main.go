// Command gateway measures the overhead of carrel-gateway, in arms:
//
//	closed  the same requests through the gateway, directly to the upstream, through
//	        nginx, through configurable-http-proxy, and through a bare
//	        httputil.ReverseProxy with the same connection pool, as fast as they are
//	        answered
//	open    the same at a fixed rate, whatever the answers take
//	class   a class that logs in over TLS, each with requests and a WebSocket
//	idle    the memory of an idle WebSocket
//	attack  one student against another, with a gateway in a cgroup of 512 MiB; only if
//	        it is named, because it needs the right to make a cgroup
//
// They are run by
//
//	go run ./test/bench/gateway
//	go run ./test/bench/gateway -arms attack
//
// nginx is Debian's and is searched in PATH. configurable-http-proxy is npm's, and
// -chp names its program. If one is missing, its row is left out. All servers run
// as separate processes and take turns in each round. docs/performance.md explains
// the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	var b bench
	role := flag.String("serve", "", "be one of the servers: upstream, bare, gateway or secure (the bench starts them)")
	arms := flag.String("arms", armClosed+","+armOpen+","+armClass+","+armIdle, "what to measure; attack needs the right to make a cgroup")
	upstream := flag.String("upstream", "", "where the upstream is, for the other servers")
	flag.StringVar(&b.chp, "chp", "configurable-http-proxy", "the program of configurable-http-proxy")
	flag.IntVar(&b.rounds, "rounds", 3, "how many times each server has its turn")
	flag.DurationVar(&b.turn, "turn", 3*time.Second, "how long a turn is")
	flag.IntVar(&b.sockets, "sockets", 5000, "how many idle WebSockets")
	flag.IntVar(&b.students, "students", students, "how many students the class has")
	flag.DurationVar(&b.attack, "attack", 20*time.Second, "how long an attack is")
	flag.Parse()
	b.arms = strings.Split(*arms, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if *role != "" {
		err = serve(ctx, *role, *upstream, os.Stdout)
	} else {
		err = b.run(ctx, os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gateway bench:", err)
		os.Exit(1)
	}
}

// bench holds the flags.
type bench struct {
	chp     string
	rounds  int
	turn    time.Duration
	sockets int
	// students is the size of the class, and attack the length of an attack.
	students int
	attack   time.Duration
	arms     []string
}

const (
	armClosed = "closed"
	armOpen   = "open"
	armClass  = "class"
	armIdle   = "idle"
	armAttack = "attack"
)

var allArms = []string{armClosed, armOpen, armClass, armIdle, armAttack}

// connections lists the numbers of concurrent visitors.
var connections = []int{50, 200}

func (b bench) run(ctx context.Context, out io.Writer) error {
	for _, arm := range b.arms {
		var err error
		switch arm {
		case armClosed, armOpen, armIdle:
			err = b.compare(ctx, out, arm)
		case armClass:
			err = b.class(ctx, out, b.students)
		case armAttack:
			err = b.attacked(ctx, out)
		default:
			err = fmt.Errorf("there is no arm %q: choose of %s", arm, strings.Join(allArms, ", "))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arm, err)
		}
	}
	return nil
}

// compare measures all servers next to each other.
func (b bench) compare(ctx context.Context, out io.Writer, arm string) (err error) {
	servers, stop, err := b.start(ctx, out)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	switch arm {
	case armClosed:
		for _, n := range connections {
			results, err := b.inTurns(servers, func(s server, r *result) error { return load(ctx, s, n, b.turn, r) })
			if err != nil {
				return err
			}
			print(out, n, servers, results)
		}
	case armOpen:
		for _, rate := range rates {
			results, err := b.inTurns(servers, func(s server, r *result) error { return openLoop(ctx, s, rate, b.turn, r) })
			if err != nil {
				return err
			}
			printOpen(out, rate, servers, results)
		}
	case armIdle:
		for _, s := range servers {
			if s.memory == "" {
				continue
			}
			if err := b.idle(ctx, out, s); err != nil {
				return fmt.Errorf("idle WebSockets through %s: %w", s.name, err)
			}
		}
	}
	return nil
}

// inTurns gives each server its turns, and returns what it measured by the server's name.
func (b bench) inTurns(servers []server, turn func(server, *result) error) (map[string]*result, error) {
	results := map[string]*result{}
	for range b.rounds {
		for _, s := range servers {
			if results[s.name] == nil {
				results[s.name] = &result{}
			}
			if err := turn(s, results[s.name]); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return results, nil
}

// targets lists the gateway's targets next to each server, as a multiple of its
// requests per second or its 99th percentile.
var targets = map[string]string{
	"bare":  "requests at least 0.9 x",
	"chp":   "requests at least 4 x",
	"nginx": "p99 at most 1.5 x",
}

func print(out io.Writer, n int, servers []server, results map[string]*result) {
	_, _ = fmt.Fprintf(out, "\n%d connections\n%-10s %10s %10s %10s   the gateway next to it\n", n, "", "requests/s", "p50", "p99")
	ours := results["gateway"]
	for _, s := range servers {
		r := results[s.name]
		_, _ = fmt.Fprintf(out, "%-10s %10.0f %10s %10s   %.2f x the requests, %.2f x the p99; target: %s\n", s.name, r.perSecond(), r.percentile(50), r.percentile(99),
			ours.perSecond()/r.perSecond(), float64(ours.percentile(99))/float64(r.percentile(99)), targets[s.name])
	}
}
