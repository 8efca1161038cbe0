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
		return b.fromCold(ctx, p, "started again")
	})
}

// started is the number of carrels that the controller starts; the others are copies.
const started = 30

// settleRunning starts some carrels, copies them, and measures a controller that finds
// them all. It has nothing to write but the counts of the Template.
func (b *bench) settleRunning(ctx context.Context, p *lab.ControlPlane) error {
	if err := b.offer(ctx, p, atOnce); err != nil {
		return err
	}
	if err := b.startSome(ctx, p); err != nil {
		return err
	}
	begin := time.Now()
	if err := p.Copy(ctx, started, b.count); err != nil {
		return err
	}
	fmt.Printf("%d copies after %.0f s\n", b.count-started, time.Since(begin).Seconds())
	return b.fromCold(ctx, p, "settled")
}

// startSome starts one carrel a second, so that the times in their statuses differ.
func (b *bench) startSome(ctx context.Context, p *lab.ControlPlane) (err error) {
	c, err := p.Client()
	if err != nil {
		return err
	}
	wait, err := p.Follow(ctx, started, lab.IsIn(v1alpha1.StateRunning))
	if err != nil {
		return err
	}
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, controller.Stop()) }()
	for number := range started {
		if err := c.Create(ctx, lab.Userland(number)); err != nil {
			return fmt.Errorf("create Userland %d: %w", number, err)
		}
		if err := lab.Run(ctx, c, number); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	if _, err := wait(); err != nil {
		return err
	}
	m, err := controller.Settled(ctx, quiet)
	if err != nil {
		return err
	}
	report(started, m)
	return nil
}

// report prints what the controller did for each of count Userlands.
func report(count int, m lab.Metrics) {
	writes, reads := m.Requests()
	n := float64(count)
	fmt.Printf("%d Userlands, each until settled: %.2f writes, %.2f reads, %.2f reconciles\n",
		count, float64(writes)/n, float64(reads)/n, float64(m.Reconciles("userland"))/n)
}

// settleUnopened measures the controller after it has settled a class that nobody has
// opened.
func (b *bench) settleUnopened(ctx context.Context, p *lab.ControlPlane) (err error) {
	if err := b.prepare(ctx, p, atFirstStart); err != nil {
		return err
	}
	wait, err := p.Follow(ctx, b.count, lab.IsIn(v1alpha1.StateAsleep))
	if err != nil {
		return err
	}
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, controller.Stop()) }()
	if _, err := wait(); err != nil {
		return err
	}
	m, err := controller.Settled(ctx, quiet)
	if err != nil {
		return err
	}
	report(b.count, m)
	return b.occupied(ctx, controller, "settled")
}

// quiet is the time without requests after which the controller counts as settled.
// The controller delays its updates of counts by less.
const quiet = 5 * time.Second

// fewWrites bounds the writes of a controller that finds a settled class: the counts in
// the status of its Template.
const fewWrites = 5

// fromCold starts the controller with nothing to do, and measures it. Writes are counted
// last: a busy machine may look at a class for longer than quiet without a request.
func (b *bench) fromCold(ctx context.Context, p *lab.ControlPlane, when string) (err error) {
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, controller.Stop()) }()
	if _, err := controller.Settled(ctx, quiet); err != nil {
		return err
	}
	if err := b.occupied(ctx, controller, when); err != nil {
		return err
	}
	m, err := controller.Metrics(ctx)
	if err != nil {
		return err
	}
	writes, reads := m.Requests()
	fmt.Printf("%s: %d writes, %d other requests, watches included, %d reconciles\n", when, writes, reads, m.Reconciles("userland"))
	if writes > fewWrites {
		return fmt.Errorf("the controller has to write nothing but counts, and wrote %d times", writes)
	}
	return nil
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
