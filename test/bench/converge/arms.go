package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/bench/lab"
)

// arm is a Template of the controller's runs, and what it makes of one Userland.
type arm struct {
	name string
	// idle is the time after which the Template stops carrels; 0: never.
	idle time.Duration
	// children is the number of objects made for each Userland.
	children int
}

var (
	atOnce       = arm{name: "at once", children: 3}
	atFirstStart = arm{name: "at their first start", idle: time.Hour}
)

func (a arm) template() *v1alpha1.Template {
	t := lab.Template()
	if a.idle != 0 {
		t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: a.idle}}
	}
	return t
}

// onFresh calls do with a new control plane, and stops the control plane
// afterwards.
func onFresh(ctx context.Context, do func(*lab.ControlPlane) error) (err error) {
	p, err := lab.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return do(p)
}

// learnChildren records the objects that the controller creates for one Userland,
// so that the plain client creates the same.
func (b *bench) learnChildren(ctx context.Context) error {
	return onFresh(ctx, func(p *lab.ControlPlane) error {
		one := *b
		one.count, one.profiles = 1, ""
		if _, err := one.converge(ctx, p, atOnce); err != nil {
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

// plainArm measures the plain client. The objects are prepared before the
// measurement begins.
func (b *bench) plainArm(ctx context.Context) (s spent, err error) {
	children := make([][]client.Object, b.count)
	for i := range children {
		if children[i], err = b.children.Of(i); err != nil {
			return s, err
		}
	}
	err = onFresh(ctx, func(p *lab.ControlPlane) error {
		connections, err := lab.Connections(p.Controller, b.connections, b.protobuf)
		if err != nil {
			return err
		}
		stop, err := watch()
		if err != nil {
			return err
		}
		recorded := b.record(ctx, "plain client", map[string]profiler{"apiserver": p})
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
		if err := recorded(); err != nil {
			return err
		}
		return b.check(ctx, p, atOnce)
	})
	return s, err
}

// spent holds the wall-clock and processor time of an arm: the control plane
// together with the client or the controller.
type spent struct{ time, processor time.Duration }

func (s spent) String() string {
	return fmt.Sprintf("%6.2f s, %6.2f s of processor time", s.time.Seconds(), s.processor.Seconds())
}

// watch starts a measurement. The returned function returns the time spent until
// the given moment, which must just have passed.
func watch() (stop func(time.Time) (spent, error), err error) {
	began := time.Now()
	before, err := lab.ProcessorTime()
	return func(end time.Time) (spent, error) {
		after, err := lab.ProcessorTime()
		return spent{end.Sub(began), after - before}, err
	}, err
}

// check returns an error unless the children of an arm exist, and no others.
func (b *bench) check(ctx context.Context, p *lab.ControlPlane, arm arm) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	// The API server's own Service is in another namespace, so it is not counted.
	if count, err := lab.CountChildren(ctx, c); err != nil || count != arm.children*b.count {
		return fmt.Errorf("%d children instead of %d: %w", count, arm.children*b.count, err)
	}
	return nil
}

// result is the measurement of one run of the controller.
type result struct {
	spent
	first                     time.Duration
	writes, reads, reconciles int
	cpu                       float64
}

// each formats the result per Userland, with the time until the first one was done.
func (r result) each(count int) string {
	n := float64(count)
	return fmt.Sprintf("(first status after %.2f s); each Userland: %.2f writes, %.2f reads, %.2f reconciles, %.2f ms of the controller's processor time",
		r.first.Seconds(), float64(r.writes)/n, float64(r.reads)/n, float64(r.reconciles)/n, r.cpu*1000/n)
}

func (b *bench) carrelArm(ctx context.Context, arm arm) (r result, err error) {
	err = onFresh(ctx, func(p *lab.ControlPlane) error {
		if r, err = b.converge(ctx, p, arm); err != nil {
			return err
		}
		return b.check(ctx, p, arm)
	})
	return r, err
}

// converge creates Userlands and their Template, and starts the controller. It
// measures from the start of the controller until the last Userland has a status,
// which is written after its children. The start-up time is included.
func (b *bench) converge(ctx context.Context, p *lab.ControlPlane, arm arm) (r result, err error) {
	if err := b.prepare(ctx, p, arm); err != nil {
		return r, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wait, err := p.Follow(ctx, b.count, lab.HasStatus)
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
	recorded := b.record(ctx, arm.name, map[string]profiler{"controller": controller, "apiserver": p})
	reached, err := wait()
	if err != nil {
		return r, err
	}
	if r.spent, err = stop(reached.Last); err != nil {
		return r, err
	}
	if err := recorded(); err != nil {
		return r, err
	}
	r.first = reached.First.Sub(begin)
	m, err := controller.Metrics(ctx)
	r.writes, r.reads = m.Requests()
	r.reconciles, r.cpu = m.Reconciles("userland"), m.Sum("process_cpu_seconds_total")
	return r, err
}

// prepare offers the Template and creates the Userlands.
func (b *bench) prepare(ctx context.Context, p *lab.ControlPlane, arm arm) error {
	if err := b.offer(ctx, p, arm); err != nil {
		return err
	}
	connections, err := lab.Connections(p.Config, b.connections, true)
	if err != nil {
		return err
	}
	return lab.MakeClass(ctx, connections, b.count)
}

// offer creates the Template and waits until it is accepted.
func (b *bench) offer(ctx context.Context, p *lab.ControlPlane, arm arm) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	if err := c.Create(ctx, arm.template()); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	controller, err := b.start(p)
	if err != nil {
		return err
	}
	return errors.Join(lab.Judged(ctx, c), controller.Stop())
}

// start starts the controller with the log file of the flags.
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

// profileSeconds is the length of the recorded profiles.
const profileSeconds = 3

// profiler is a process of which a CPU profile can be recorded.
type profiler interface {
	Profile(ctx context.Context, name, file string) error
}

// record records CPU profiles of the first seconds of an arm if the flags ask for
// them. The returned function waits until they are complete.
func (b *bench) record(ctx context.Context, arm string, processes map[string]profiler) (complete func() error) {
	var recordings errgroup.Group
	if b.profiles != "" {
		for name, process := range processes {
			recordings.Go(func() error {
				// The controller needs a moment before it answers.
				time.Sleep(time.Second)
				file := fmt.Sprintf("%s-%s.pprof", strings.ReplaceAll(arm, " ", "-"), name)
				return process.Profile(ctx, fmt.Sprintf("profile?seconds=%d", profileSeconds), filepath.Join(b.profiles, file))
			})
		}
	}
	return recordings.Wait
}
