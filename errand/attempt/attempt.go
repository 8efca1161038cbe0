// Package attempt is the program of a canary: it tries to connect to what the pods of a
// course must not reach.
package attempt

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/carrel-dev/carrel/core/isolation"
)

const (
	// connectWithin bounds each connection. The kernel sends the first packet three times
	// in it.
	connectWithin = 4 * time.Second
	// nameWithin bounds the look at the name server.
	nameWithin = 10 * time.Second
	// settle is the pause before what is open is tried once more. Some networks take
	// seconds to enforce the policies of a new pod.
	settle = 10 * time.Second
	// apiServerName is a name that every cluster's name server has.
	apiServerName = "kubernetes.default.svc"
)

// Attempt tries targets.
type Attempt struct {
	// LookUp finds the addresses of a name. A course's pods may use the name server, so
	// that it answers shows that the pod has a network.
	LookUp func(ctx context.Context, name string) ([]string, error)
	// Settle is the pause before what is open is tried once more.
	Settle time.Duration
}

// New returns the Attempt of a pod.
func New() Attempt { return Attempt{LookUp: net.DefaultResolver.LookupHost, Settle: settle} }

// Run connects to each target and closes the connection at once. It reports as open what
// it reaches twice. A connection that is refused counts as closed, since some networks
// refuse what a policy forbids.
func (a Attempt) Run(ctx context.Context, targets []isolation.Target) isolation.Report {
	named, cancel := context.WithTimeout(ctx, nameWithin)
	defer cancel()
	if _, err := a.LookUp(named, apiServerName); err != nil {
		return isolation.Report{Problem: err.Error()}
	}
	report := isolation.Report{Network: true, Tried: len(targets)}
	open := reached(ctx, targets)
	if len(open) == 0 {
		return report
	}
	select {
	case <-ctx.Done():
	case <-time.After(a.Settle):
	}
	report.Open = reached(ctx, open)
	return report
}

// reached returns the targets that take a connection, in their order.
func reached(ctx context.Context, targets []isolation.Target) (open []isolation.Target) {
	found := make([]bool, len(targets))
	var all sync.WaitGroup
	for i, target := range targets {
		all.Go(func() {
			dialer := net.Dialer{Timeout: connectWithin}
			connection, err := dialer.DialContext(ctx, "tcp", target.Address)
			if err == nil {
				found[i] = true
				_ = connection.Close()
			}
		})
	}
	all.Wait()
	for i, is := range found {
		if is {
			open = append(open, targets[i])
		}
	}
	return slices.Clip(open)
}
