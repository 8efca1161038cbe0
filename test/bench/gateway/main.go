// Command gateway measures the overhead of carrel-gateway. It sends the same
// requests through the gateway, directly to the upstream, through nginx, through
// configurable-http-proxy, and through a bare httputil.ReverseProxy with the same
// connection pool. It also measures the memory of an idle WebSocket.
//
//	go run ./test/bench/gateway
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
	"syscall"
	"time"
)

func main() {
	var b bench
	role := flag.String("serve", "", "be one of the servers: upstream, bare or gateway (the bench starts them)")
	upstream := flag.String("upstream", "", "where the upstream is, for the other servers")
	flag.StringVar(&b.chp, "chp", "configurable-http-proxy", "the program of configurable-http-proxy")
	flag.IntVar(&b.rounds, "rounds", 3, "how many times each server has its turn")
	flag.DurationVar(&b.turn, "turn", 3*time.Second, "how long a turn is")
	flag.IntVar(&b.sockets, "sockets", 5000, "how many idle WebSockets")
	flag.Parse()
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
}

// connections lists the numbers of concurrent visitors.
var connections = []int{50, 200}

func (b bench) run(ctx context.Context, out io.Writer) (err error) {
	servers, stop, err := b.start(ctx, out)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	for _, n := range connections {
		results := map[string]*result{}
		for range b.rounds {
			for _, s := range servers {
				if results[s.name] == nil {
					results[s.name] = &result{}
				}
				if err := load(ctx, s, n, b.turn, results[s.name]); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
		}
		print(out, n, servers, results)
	}
	for _, s := range servers {
		if s.memory == "" {
			continue
		}
		if err := b.idle(ctx, out, s); err != nil {
			return fmt.Errorf("idle WebSockets through %s: %w", s.name, err)
		}
	}
	return nil
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
