package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/bench/lab"
)

// onFresh runs something on a control plane of its own.
func onFresh(ctx context.Context, do func(*lab.ControlPlane) error) (err error) {
	p, err := lab.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return do(p)
}

// learnChildren sees what the controller makes of one Userland, so that the
// plain client makes the same.
func (b *bench) learnChildren(ctx context.Context) error {
	return onFresh(ctx, func(p *lab.ControlPlane) error {
		one := *b
		one.count = 1
		if _, err := one.converge(ctx, p); err != nil {
			return err
		}
		c, err := p.Client()
		if err != nil {
			return err
		}
		b.children, err = lab.ReadChildren(ctx, c)
		return err
	})
}

// plainArm is how long the plain client takes. It need not find out what to
// make: that is prepared.
func (b *bench) plainArm(ctx context.Context) (s spent, err error) {
	children := make([][]client.Object, b.count)
	for i := range children {
		if children[i], err = b.children.Of(i); err != nil {
			return s, err
		}
	}
	err = onFresh(ctx, func(p *lab.ControlPlane) error {
		connections, err := p.Connections(b.connections, b.protobuf)
		if err != nil {
			return err
		}
		stop, err := watch()
		if err != nil {
			return err
		}
		err = lab.Each(ctx, connections, b.count, func(ctx context.Context, c client.Client, number int) error {
			for _, child := range children[number] {
				if err := c.Create(ctx, child); err != nil {
					return fmt.Errorf("create %T %s: %w", child, child.GetName(), err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if s, err = stop(time.Now()); err != nil {
			return err
		}
		return b.check(ctx, p)
	})
	return s, err
}

// spent is what an arm took of time, and of the processors: control plane and
// client or controller together.
type spent struct{ time, processor time.Duration }

func (s spent) String() string {
	return fmt.Sprintf("%6.2f s, %6.2f s of processor time", s.time.Seconds(), s.processor.Seconds())
}

// watch begins to measure; what is returned tells what was spent until a moment
// just passed.
func watch() (stop func(time.Time) (spent, error), err error) {
	began := time.Now()
	before, err := lab.ProcessorTime()
	return func(end time.Time) (spent, error) {
		after, err := lab.ProcessorTime()
		return spent{end.Sub(began), after - before}, err
	}, err
}

// check fails unless all children are there.
func (b *bench) check(ctx context.Context, p *lab.ControlPlane) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	// The API server's own Service is in another namespace.
	if count, err := lab.CountChildren(ctx, c); err != nil || count != 3*b.count {
		return fmt.Errorf("%d children instead of %d: %w", count, 3*b.count, err)
	}
	return nil
}

// result is what one run of the controller took.
type result struct {
	spent
	first                     time.Duration
	writes, reads, reconciles int
	cpu                       float64
}

// each says it for one Userland, and when the first was done.
func (r result) each(count int) string {
	n := float64(count)
	return fmt.Sprintf("(first status after %.2f s); each Userland: %.2f writes, %.2f reads, %.2f reconciles, %.2f ms of the controller's processor time",
		r.first.Seconds(), float64(r.writes)/n, float64(r.reads)/n, float64(r.reconciles)/n, r.cpu*1000/n)
}

func (b *bench) carrelArm(ctx context.Context) (r result, err error) {
	err = onFresh(ctx, func(p *lab.ControlPlane) error {
		if r, err = b.converge(ctx, p); err != nil {
			return err
		}
		return b.check(ctx, p)
	})
	return r, err
}

// converge makes Userlands and their Template, starts the controller and
// measures from then until the last has a status, which is written after its
// children were made. Starting up is part of it.
func (b *bench) converge(ctx context.Context, p *lab.ControlPlane) (r result, err error) {
	if err := b.prepare(ctx, p); err != nil {
		return r, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := p.Client()
	if err != nil {
		return r, err
	}
	done, err := lab.Follow(ctx, c, b.count, lab.HasStatus)
	if err != nil {
		return r, err
	}
	begin := time.Now()
	stop, err := watch()
	if err != nil {
		return r, err
	}
	controller, err := b.start(p)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, controller.Stop()) }()
	profiled := b.profileStart(ctx, controller)
	reached := <-done
	if r.spent, err = stop(reached.Last); err != nil {
		return r, err
	}
	if err := profiled(); err != nil {
		return r, err
	}
	if reached.Err != nil {
		return r, reached.Err
	}
	r.first = reached.First.Sub(begin)
	m, err := controller.Metrics(ctx)
	r.writes, r.reads = m.Requests()
	r.reconciles, r.cpu = m.Reconciles("userland"), m.Sum("process_cpu_seconds_total")
	return r, err
}

// prepare makes the Template, has it judged, and makes the Userlands.
func (b *bench) prepare(ctx context.Context, p *lab.ControlPlane) error {
	connections, err := p.Connections(b.connections, true)
	if err != nil {
		return err
	}
	if err := connections[0].Create(ctx, lab.Template()); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	err = lab.Judged(ctx, connections[0])
	if err := errors.Join(err, controller.Stop()); err != nil {
		return err
	}
	return lab.MakeClass(ctx, connections, b.count)
}

// start starts the controller with its log where it is wanted.
func (b *bench) start(p *lab.ControlPlane) (*lab.Controller, error) {
	log, err := b.openLog()
	if err != nil {
		return nil, err
	}
	// The process has its own copy.
	defer log.Close()
	return p.Run(b.binary, log)
}

func (b *bench) openLog() (*os.File, error) {
	return os.OpenFile(b.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

// profileSeconds is how long the controller's work is recorded.
const profileSeconds = 5

// profileStart records where the controller spends its time, if that is wanted.
// What is returned waits until the record is complete.
func (b *bench) profileStart(ctx context.Context, controller *lab.Controller) func() error {
	if b.profile == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		// It takes a moment until there is anybody to ask.
		time.Sleep(time.Second)
		done <- controller.Profile(ctx, fmt.Sprintf("profile?seconds=%d", profileSeconds), b.profile)
	}()
	return func() error { return <-done }
}
