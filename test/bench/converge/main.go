// Command converge measures how long the controller takes until n Userlands of one
// Template have a status: of a Template that never idles, whose carrels are made at
// once, and of one that idles, whose carrels are made when they are first opened. It
// compares both with a plain client that creates the objects of n carrels over 16
// connections and does nothing else. Each arm runs on a new control plane without
// kubelet. The arms take turns, and medians are compared.
//
//	export KUBEBUILDER_ASSETS=$(bin/devcluster assets)
//	go run ./test/bench/converge -n 1000
//
// docs/performance.md explains the figures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/test/bench/lab"
)

func main() {
	var b bench
	flag.IntVar(&b.count, "n", 1000, "number of Userlands")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each arm is run")
	flag.IntVar(&b.connections, "connections", 16, "connections of the plain client")
	flag.BoolVar(&b.protobuf, "protobuf", false, "let the plain client speak protobuf, as the controller does, and not JSON, as client-go does unless told otherwise")
	flag.BoolVar(&b.ready, "ready", false, "measure the controller's memory with carrels that are settled and run instead; the bench plays the cluster that binds claims and runs pods")
	flag.BoolVar(&b.unopened, "unopened", false, "let the Template idle and open no carrel, so that all are Ready without pods (-ready)")
	flag.DurationVar(&b.settle, "settle", 2*time.Minute+30*time.Second, "how long to leave the controller alone before its memory is read; Go returns memory to the system over minutes (-ready)")
	flag.StringVar(&b.log, "log", os.DevNull, "file for the controller's log")
	flag.StringVar(&b.profiles, "profile", "", "directory for CPU profiles of the controller and the API server in the first seconds of each arm's last run")
	flag.Parse()
	// envtest's own log adds nothing.
	ctrl.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := b.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "converge:", err)
		os.Exit(1)
	}
}

// bench holds the flags and what is prepared once.
type bench struct {
	count, rounds, connections int
	protobuf, ready, unopened  bool
	settle                     time.Duration
	log, profiles              string

	binary   string
	children lab.Children
}

func (b *bench) run(ctx context.Context) error {
	directory, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	if b.binary, err = lab.Build(ctx, directory); err != nil {
		return err
	}
	if b.ready {
		return b.runReady(ctx)
	}
	if err := b.learnChildren(ctx); err != nil {
		return fmt.Errorf("see what the controller makes of one Userland: %w", err)
	}
	return b.compare(ctx)
}

// compare runs the arms in turn.
func (b *bench) compare(ctx context.Context) error {
	var plain []spent
	carrels := map[arm][]spent{}
	for round := range b.rounds {
		s, err := b.plainArm(ctx)
		if err != nil {
			return fmt.Errorf("plain client: %w", err)
		}
		plain = append(plain, s)
		fmt.Printf("round %d: plain client %v\n", round+1, s)
		for _, arm := range []arm{atOnce, atFirstStart} {
			result, err := b.carrelArm(ctx, arm)
			if err != nil {
				return fmt.Errorf("controller, carrels made %s: %w", arm.name, err)
			}
			carrels[arm] = append(carrels[arm], result.spent)
			fmt.Printf("round %d: made %s %v %s\n", round+1, arm.name, result.spent, result.each(b.count))
		}
	}
	for _, arm := range []arm{atOnce, atFirstStart} {
		fmt.Printf("\n%d Userlands, carrels made %s, medians of %d\n", b.count, arm.name, b.rounds)
		ratio("time", plain, carrels[arm], func(s spent) time.Duration { return s.time })
		ratio("processor time", plain, carrels[arm], func(s spent) time.Duration { return s.processor })
	}
	return nil
}

func ratio(what string, plain, carrel []spent, of func(spent) time.Duration) {
	p, c := median(plain, of), median(carrel, of)
	fmt.Printf("%s: plain client %.2f s, controller %.2f s, ratio %.2f\n", what, p, c, c/p)
}

func median(all []spent, of func(spent) time.Duration) float64 {
	var values []float64
	for _, s := range all {
		values = append(values, of(s).Seconds())
	}
	slices.Sort(values)
	return values[len(values)/2]
}
