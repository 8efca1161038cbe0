// Command roster measures the cost of one changed row in a large roster. It counts
// the controller's requests, and measures the time from writing the roster until
// the new student's carrel sleeps: it is made when it is first opened.
//
//	export KUBEBUILDER_ASSETS=$(bin/devcluster assets)
//	go run ./test/bench/roster -n 5000
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
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/bench/lab"
)

func main() {
	var b bench
	flag.IntVar(&b.rows, "n", 5000, "number of rows at first")
	flag.IntVar(&b.changes, "changes", 5, "how often one more row is added")
	flag.StringVar(&b.log, "log", os.DevNull, "file for the controller's log")
	flag.Parse()
	// envtest's own log adds nothing.
	ctrl.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := b.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "roster:", err)
		os.Exit(1)
	}
}

// bench holds the flags.
type bench struct {
	rows, changes int
	log           string
}

func (b *bench) run(ctx context.Context) (err error) {
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
	c, err := p.Client()
	if err != nil {
		return err
	}
	if err := b.enrol(ctx, p, c, controller); err != nil {
		return err
	}
	for change := range b.changes {
		if err := b.change(ctx, p, c, controller, b.rows+change); err != nil {
			return err
		}
	}
	return nil
}

// rosterName is the name of the ConfigMap. It has no hash, so that a change is an
// update.
const rosterName = "roster"

// student returns the user with the given number. The carrels are asleep, like
// most.
func student(number int) string { return fmt.Sprintf("student-%05d", number) }

func roster(rows int) *corev1.ConfigMap {
	var text strings.Builder
	text.WriteString("user,name,section\n")
	for number := range rows {
		fmt.Fprintf(&text, "%s,Student %d,%c\n", student(number), number, 'a'+rune(number%20))
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: lab.Course, Name: rosterName, Labels: map[string]string{v1alpha1.RosterLabel: "true"}},
		Data:       map[string]string{"roster.csv": text.String()},
	}
}

// enrol waits until all students of the first roster have a carrel and the
// controller has settled.
func (b *bench) enrol(ctx context.Context, p *lab.ControlPlane, c client.Client, controller *lab.Controller) error {
	template := lab.Template()
	template.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}
	course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: lab.Course, Name: lab.Course}}
	course.Spec.TemplateName = lab.TemplateName
	course.Spec.Rosters = []v1alpha1.RosterSource{{ConfigMap: rosterName}}
	asleep, err := p.Follow(ctx, b.rows, lab.IsIn(v1alpha1.StateAsleep))
	if err != nil {
		return err
	}
	began := time.Now()
	for _, o := range []client.Object{template, roster(b.rows), course} {
		if err := c.Create(ctx, o); err != nil {
			return fmt.Errorf("create %T: %w", o, err)
		}
	}
	reached, err := asleep()
	if err != nil {
		return err
	}
	fmt.Printf("%d rows: the last carrel is there after %.1f s\n", b.rows, reached.Last.Sub(began).Seconds())
	_, err = controller.Settled(ctx, 3*time.Second)
	return err
}

// change adds the row of the given number.
func (b *bench) change(ctx context.Context, p *lab.ControlPlane, c client.Client, controller *lab.Controller, number int) error {
	before, err := controller.Settled(ctx, 0)
	if err != nil {
		return err
	}
	asleep := lab.IsIn(v1alpha1.StateAsleep)
	came, err := p.Follow(ctx, 1, func(u *v1alpha1.Userland) bool { return u.Name == student(number) && asleep(u) })
	if err != nil {
		return err
	}
	next := roster(number + 1)
	began := time.Now()
	if err := c.Update(ctx, next); err != nil {
		return fmt.Errorf("write the roster: %w", err)
	}
	reached, err := came()
	if err != nil {
		return err
	}
	after, err := controller.Settled(ctx, 3*time.Second)
	if err != nil {
		return err
	}
	writesBefore, readsBefore := before.Requests()
	writes, reads := after.Requests()
	fmt.Printf("one row more: its carrel sleeps after %.0f ms; %d writes, %d reads\n",
		float64(reached.Last.Sub(began).Microseconds())/1000, writes-writesBefore, reads-readsBefore)
	return nil
}
