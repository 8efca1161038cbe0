// Command wake-http measures the time from a student's request to a sleeping carrel
// until the first byte of the response. It runs on the cluster that `make demo`
// leaves up, and splits the time into Carrel's part and Kubernetes' part:
//
//	request ── gateway and controller ──> Deployment scaled ── Kubernetes ──> address known ── gateway ──> first byte
//
//	make demo
//	go run ./test/bench/wake-http
//
// Carrels are woken one after the other. docs/performance.md explains the figures.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// course is the course whose carrels are woken.
const course = "prog1"

func main() {
	n := flag.Int("n", 10, "how many carrels are woken")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *n)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "wake-http:", err)
		os.Exit(1)
	}
}

// parts holds the times of one wake-up.
type parts struct{ total, ours, kubernetes time.Duration }

func run(ctx context.Context, out io.Writer, n int) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	cluster := story.Devcluster{Root: root, Out: out}
	kubeconfig, err := cluster.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	c, _, err := story.Connect(kubeconfig)
	if err != nil {
		return err
	}
	ingress, err := cluster.Ingress(ctx)
	if err != nil {
		return err
	}
	gateway := story.Gateway{Ingress: ingress}
	// A teacher may open every carrel, so one login is enough.
	visitor, err := story.LogIn(ctx, gateway, story.Teacher)
	if err != nil {
		return err
	}
	var all []parts
	for _, name := range asleep(ctx, c, n) {
		p, err := wake(ctx, c, visitor, gateway, name)
		if err != nil {
			return fmt.Errorf("wake %s: %w", name, err)
		}
		_, _ = fmt.Fprintf(out, "  %-12s first byte after %6d ms: ours %4d ms, Kubernetes' %6d ms\n", name, p.total.Milliseconds(), p.ours.Milliseconds(), p.kubernetes.Milliseconds())
		all = append(all, p)
	}
	if len(all) == 0 {
		return fmt.Errorf("no carrel of %s sleeps", course)
	}
	median := func(of func(parts) time.Duration) time.Duration {
		values := make([]time.Duration, 0, len(all))
		for _, p := range all {
			values = append(values, of(p))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	_, _ = fmt.Fprintf(out, "median of %d: first byte after %d ms; ours %d ms (target: at most 150), Kubernetes' %d ms\n", len(all),
		median(func(p parts) time.Duration { return p.total }).Milliseconds(), median(func(p parts) time.Duration { return p.ours }).Milliseconds(),
		median(func(p parts) time.Duration { return p.kubernetes }).Milliseconds())
	return nil
}

// asleep returns the names of up to n sleeping carrels.
func asleep(ctx context.Context, c client.Client, n int) []string {
	var list v1alpha1.UserlandList
	if err := c.List(ctx, &list, client.InNamespace(course)); err != nil {
		return nil
	}
	var names []string
	for _, u := range list.Items {
		if u.Status.State == v1alpha1.StateAsleep && len(names) < n {
			names = append(names, u.Name)
		}
	}
	return names
}

// wake requests the page of one carrel as a program does, so that the gateway holds
// the request. It measures until the carrel answers.
func wake(ctx context.Context, c client.WithWatch, visitor *story.Visitor, gateway story.Gateway, name string) (parts, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	// Get the origin's own cookie before the clock starts.
	if err := visitor.HandOver(ctx, gateway.CarrelURL(course, name)); err != nil {
		return parts{}, err
	}
	scaled, err := seen(ctx, c, &appsv1.DeploymentList{}, func(e watch.Event) bool {
		d, ok := e.Object.(*appsv1.Deployment)
		return ok && d.Name == name && ptr.Deref(d.Spec.Replicas, 0) == 1
	})
	if err != nil {
		return parts{}, err
	}
	ready, err := seen(ctx, c, &discoveryv1.EndpointSliceList{}, func(e watch.Event) bool {
		s, ok := e.Object.(*discoveryv1.EndpointSlice)
		return ok && s.Labels[v1alpha1.UserlandLabel] == name && slices.ContainsFunc(s.Endpoints, func(e discoveryv1.Endpoint) bool { return ptr.Deref(e.Conditions.Ready, false) })
	})
	if err != nil {
		return parts{}, err
	}
	begin := time.Now()
	for { // a program repeats the request when asked to
		status, err := visitor.Ask(ctx, gateway.CarrelURL(course, name)+"healthz")
		if err != nil {
			return parts{}, err
		}
		if status == 200 {
			break
		}
	}
	end := time.Now()
	p := parts{total: end.Sub(begin)}
	p.kubernetes = (<-ready).Sub(<-scaled)
	p.ours = p.total - p.kubernetes
	return p, nil
}

// seen returns a channel that receives the time at which a watch first showed a
// matching event.
func seen(ctx context.Context, c client.WithWatch, list client.ObjectList, is func(watch.Event) bool) (<-chan time.Time, error) {
	w, err := c.Watch(ctx, list, client.InNamespace(course))
	if err != nil {
		return nil, err
	}
	at := make(chan time.Time, 1)
	go func() {
		defer w.Stop()
		for e := range w.ResultChan() {
			if is(e) {
				at <- time.Now()
				return
			}
		}
	}()
	return at, nil
}
