// Command wake measures two delays with n Userlands present: from recorded activity
// until the Deployment of a sleeping carrel is scaled to 1, and from the end of the
// idle time until the Deployment is scaled to 0. It measures both twice: when the
// carrels are first opened, and made for that, and when they are opened again.
//
//	export KUBEBUILDER_ASSETS=$(bin/devcluster assets)
//	go run ./test/bench/wake -n 2000
//
// docs/performance.md explains the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/bench/lab"
)

func main() {
	var b bench
	flag.IntVar(&b.present, "n", 2000, "number of Userlands, all asleep at first")
	flag.IntVar(&b.woken, "wakes", 500, "how many of them are woken, and fall asleep again")
	flag.DurationVar(&b.spread, "spread", 30*time.Second, "in what time they are woken, one after the other")
	flag.StringVar(&b.log, "log", os.DevNull, "file for the controller's log")
	flag.Parse()
	// envtest's own log adds nothing.
	ctrl.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := b.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "wake:", err)
		os.Exit(1)
	}
}

// bench holds the flags.
type bench struct {
	present, woken int
	spread         time.Duration
	log            string
}

// margin separates waking the last carrel from stopping the first, so that the two
// are measured apart.
const margin = 15 * time.Second

// idle returns the time for which carrels run without activity.
func (b *bench) idle() time.Duration { return b.spread + margin }

func (b *bench) run(ctx context.Context) (err error) {
	if b.woken > b.present {
		return fmt.Errorf("-wakes %d is more than -n %d", b.woken, b.present)
	}
	directory, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	binary, err := lab.Build(ctx, directory)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(b.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	p, err := lab.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	controller, err := p.Run(binary, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, controller.Stop()) }()
	if err := b.prepare(ctx, p, controller); err != nil {
		return err
	}
	fmt.Printf("%d Userlands present, %d woken within %v\n", b.present, b.woken, b.spread)
	for _, which := range []string{"first", "second"} {
		if err := b.measure(ctx, p, which); err != nil {
			return err
		}
		if _, err := controller.Settled(ctx, 3*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// prepare waits until all carrels are asleep and the controller has settled.
func (b *bench) prepare(ctx context.Context, p *lab.ControlPlane, controller *lab.Controller) error {
	connections, err := lab.Connections(p.Config, 16, true)
	if err != nil {
		return err
	}
	template := lab.Template()
	template.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: b.idle()}}
	if err := connections[0].Create(ctx, template); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	asleep, err := p.Follow(ctx, b.present, lab.IsIn(v1alpha1.StateAsleep))
	if err != nil {
		return err
	}
	if err := lab.MakeClass(ctx, connections, b.present); err != nil {
		return err
	}
	if _, err := asleep(); err != nil {
		return err
	}
	_, err = controller.Settled(ctx, 3*time.Second)
	return err
}

func (b *bench) measure(ctx context.Context, p *lab.ControlPlane, which string) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := watchScaling(ctx, p, b.woken)
	if err != nil {
		return err
	}
	asked, err := b.wakeAll(ctx, c)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.complete:
	}
	due, err := b.due(ctx, c)
	if err != nil {
		return err
	}
	printPercentiles(which+" time: from the write of the activity to the Deployment scaled to 1", between(asked, s.up))
	printPercentiles(which+" time: from the end of the idle time to the Deployment scaled to 0", between(due, s.down))
	return nil
}

// between returns the times from each entry of from to that of to, sorted.
func between(from, to map[string]time.Time) []time.Duration {
	var took []time.Duration
	for name, moment := range to {
		took = append(took, moment.Sub(from[name]))
	}
	slices.Sort(took)
	return took
}

func printPercentiles(what string, sorted []time.Duration) {
	at := func(percent int) time.Duration {
		return sorted[(len(sorted)-1)*percent/100].Round(100 * time.Microsecond)
	}
	fmt.Printf("%s: p50 %v, p99 %v, at most %v\n", what, at(50), at(99), at(100))
}
