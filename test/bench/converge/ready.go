package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/bench/lab"
)

// runReady measures the controller's memory when all carrels are settled, and after a
// restart.
func (b *bench) runReady(ctx context.Context) error {
	return onFresh(ctx, func(p *lab.ControlPlane) error {
		settle := b.settleRunning
		if b.unopened {
			settle = b.settleUnopened
		}
		if err := settle(ctx, p); err != nil {
			return err
		}
		return b.again(ctx, p)
	})
}

// settleUnopened measures the controller after it has settled a class that nobody has
// opened.
func (b *bench) settleUnopened(ctx context.Context, p *lab.ControlPlane) error {
	if err := b.prepare(ctx, p, atFirstStart); err != nil {
		return err
	}
	return b.untilReady(ctx, p, v1alpha1.StateAsleep, func() error { return nil })
}

// settleRunning measures the controller after it has settled a class that runs. The
// pods come when all else exists, so the time it takes means nothing.
func (b *bench) settleRunning(ctx context.Context, p *lab.ControlPlane) error {
	if err := b.prepare(ctx, p, atOnce); err != nil {
		return err
	}
	exist, err := p.Follow(ctx, b.count, lab.HasStatus)
	if err != nil {
		return err
	}
	connections, err := lab.Connections(p.Config, b.connections, true)
	if err != nil {
		return err
	}
	return b.untilReady(ctx, p, v1alpha1.StateRunning, func() error {
		if _, err := exist(); err != nil {
			return err
		}
		return lab.RunClass(ctx, connections, b.count)
	})
}

// untilReady starts the controller, plays the cluster, waits until all Userlands are
// Ready in a state, and measures the controller when it has settled.
func (b *bench) untilReady(ctx context.Context, p *lab.ControlPlane, state string, play func() error) (err error) {
	wait, err := p.Follow(ctx, b.count, lab.IsIn(state))
	if err != nil {
		return err
	}
	begin := time.Now()
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, controller.Stop()) }()
	if err := play(); err != nil {
		return err
	}
	reached, err := wait()
	if err != nil {
		return err
	}
	m, err := controller.Settled(ctx, quiet)
	if err != nil {
		return err
	}
	writes, reads := m.Requests()
	n := float64(b.count)
	fmt.Printf("%d Userlands Ready after %.2f s; each until settled: %.2f writes, %.2f reads, %.2f reconciles\n",
		b.count, reached.Last.Sub(begin).Seconds(), float64(writes)/n, float64(reads)/n, float64(m.Reconciles("userland"))/n)
	return b.occupied(ctx, controller, "settled")
}

// quiet is the time without requests after which the controller counts as settled.
// The controller delays its updates of counts by less.
const quiet = 5 * time.Second

// again starts the controller with nothing to do, and measures it.
func (b *bench) again(ctx context.Context, p *lab.ControlPlane) error {
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	m, err := controller.Settled(ctx, quiet)
	if err != nil {
		return errors.Join(err, controller.Stop())
	}
	writes, reads := m.Requests()
	fmt.Printf("started again: %d writes, %d other requests, watches included\n", writes, reads)
	return errors.Join(b.occupied(ctx, controller, "started again"), controller.Stop())
}

// occupied prints the controller's memory after it was idle for the settle time.
func (b *bench) occupied(ctx context.Context, controller *lab.Controller, when string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.settle):
	}
	m, err := controller.Metrics(ctx)
	if err != nil {
		return err
	}
	now, peak, err := lab.RSS(controller.PID())
	fmt.Printf("%s: %.0f MiB resident (%.0f at most), %.0f MiB of heap in use\n", when, now, peak, m.HeapInUse())
	return err
}
