package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Durations of faults.
const (
	// podPaused is longer than a Lease of a controller, whose holder then ends.
	podPaused = 20 * time.Second
	// componentPaused is longer than an update of the node's Lease.
	componentPaused = 30 * time.Second
	// networkCut is long enough for the node to be taken for lost.
	networkCut = time.Minute
)

// deployments lists the processes in pods that faults strike.
var deployments = []client.ObjectKey{
	{Namespace: "carrel-system", Name: "carrel-controller"},
	{Namespace: "carrel-system", Name: "carrel-reporter"},
	{Namespace: "carrel-system", Name: "carrel-gateway"},
	{Namespace: "flux-system", Name: "source-controller"},
	{Namespace: "flux-system", Name: "kustomize-controller"},
}

// components lists the processes outside pods that faults strike. devcluster does not start
// them again, so they are paused and not killed.
var components = []string{"kube-apiserver", "etcd", "gitea"}

// fault is something bad that may happen.
type fault struct {
	// begin makes it happen. It returns the number of the processes that it struck.
	begin func(context.Context) (struck int, err error)
	// lasts is the time until end; zero for what ends by itself.
	lasts time.Duration
	end   func() error
}

// faults returns all faults by their names.
func (c *chaos) faults(d *deck) map[string]func() *fault {
	all := map[string]func() *fault{"the node's network is cut": c.cutNetwork}
	for _, key := range deployments {
		all[key.Name+" is killed"] = func() *fault { return c.kill(c.podsOf(key)) }
		all[key.Name+" is paused"] = func() *fault { return c.pause(podPaused, c.podsOf(key)) }
	}
	for _, name := range components {
		all[name+" is paused"] = func() *fault { return c.pause(componentPaused, c.component(name)) }
	}
	all["a carrel is killed"] = func() *fault { return c.kill(c.carrel(d)) }
	all["a carrel is paused"] = func() *fault { return c.pause(podPaused, c.carrel(d)) }
	return all
}

// processes finds the processes that a fault strikes.
type processes func(context.Context) ([]int, error)

// kill kills processes. The kubelet starts their containers again.
func (c *chaos) kill(find processes) *fault {
	return &fault{begin: func(ctx context.Context) (int, error) {
		pids, err := find(ctx)
		if err != nil {
			return 0, err
		}
		return len(pids), signal(pids, syscall.SIGKILL)
	}, end: func() error { return nil }}
}

// pause stops processes for a time.
func (c *chaos) pause(lasts time.Duration, find processes) *fault {
	var pids []int
	return &fault{lasts: lasts, begin: func(ctx context.Context) (_ int, err error) {
		if pids, err = find(ctx); err != nil {
			return 0, err
		}
		return len(pids), signal(pids, syscall.SIGSTOP)
	}, end: func() error { return signal(pids, syscall.SIGCONT) }}
}

// signal sends a signal to processes. One that has ended needs none.
func signal(pids []int, s syscall.Signal) (err error) {
	for _, pid := range pids {
		if failed := syscall.Kill(pid, s); failed != nil && !errors.Is(failed, syscall.ESRCH) {
			err = errors.Join(err, fmt.Errorf("send %s to process %d: %w", s, pid, failed))
		}
	}
	return err
}

func (c *chaos) component(name string) processes {
	return func(ctx context.Context) ([]int, error) {
		pid, err := c.Cluster.Process(ctx, name)
		return []int{pid}, err
	}
}

// podsOf finds the processes in all pods of a Deployment.
func (c *chaos) podsOf(key client.ObjectKey) processes {
	return func(ctx context.Context) ([]int, error) {
		var d appsv1.Deployment
		if err := c.Client.Get(ctx, key, &d); err != nil {
			return nil, err
		}
		selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
		if err != nil {
			return nil, err
		}
		return c.inPods(ctx, client.InNamespace(key.Namespace), client.MatchingLabelsSelector{Selector: selector})
	}
}

// carrel finds the processes in the pod of one student, whom the deck chooses.
func (c *chaos) carrel(d *deck) processes {
	return func(ctx context.Context) ([]int, error) {
		user := c.class[d.one(len(c.class))].User
		c.Say("it is the carrel of %s", user)
		return c.inPods(ctx, client.InNamespace(course), client.MatchingLabels{v1alpha1.UserlandLabel: roster.UserlandName(user)})
	}
}

// inPods finds the processes in all containers of pods.
func (c *chaos) inPods(ctx context.Context, options ...client.ListOption) (pids []int, err error) {
	var pods corev1.PodList
	if err := c.Client.List(ctx, &pods, options...); err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			if container.State.Running == nil {
				continue
			}
			found, err := inContainer("/proc", container.ContainerID)
			if err != nil {
				return nil, err
			}
			pids = append(pids, found...)
		}
	}
	if len(pids) == 0 {
		return nil, errors.New("no process runs there")
	}
	return pids, nil
}

// cutTable names the table of the rules that cut the network. It lies in the node's network
// namespace, and ends with the node.
const cutTable = "carrel_chaos"

// cutNetwork drops all packets between the node and this machine.
func (c *chaos) cutNetwork() *fault {
	var node int
	nft := func(ctx context.Context, rules string) error {
		cmd := exec.CommandContext(ctx, "nsenter", "--target="+strconv.Itoa(node), "--net", "--", "nft", rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft %s: %w\n%s", rules, err, out)
		}
		return nil
	}
	return &fault{lasts: networkCut, begin: func(ctx context.Context) (_ int, err error) {
		if node, err = c.Cluster.Process(ctx, "node"); err != nil {
			return 0, err
		}
		return 1, nft(ctx, "table inet "+cutTable+" {\n"+
			"chain in { type filter hook prerouting priority -500; iifname eth0 drop; }\n"+
			"chain out { type filter hook postrouting priority 500; oifname eth0 drop; }\n}")
	}, end: func() error { return nft(context.Background(), "delete table inet "+cutTable) }}
}
