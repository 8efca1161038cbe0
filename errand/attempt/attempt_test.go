package attempt

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/core/isolation"
)

func named(context.Context, string) ([]string, error) { return []string{"10.0.0.1"}, nil }

// TestRun checks that what takes a connection is open, and that the rest is not.
func TestRun(t *testing.T) {
	open, shut := listen(t), listen(t)
	must(t, shut.Close())
	targets := []isolation.Target{
		{Part: isolation.Carrel, Address: shut.Addr().String()},
		{Part: isolation.Processes, Address: open.Addr().String()},
		{Part: isolation.Service, Address: "no-such-name.invalid:80"},
	}
	got := Attempt{LookUp: named}.Run(t.Context(), targets)
	want := isolation.Report{Network: true, Tried: 3, Open: []isolation.Target{targets[1]}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the report differs (-want +got):\n%s", diff)
	}
}

// TestOpenForAMoment checks that what closes soon is not open: networks may take seconds
// to enforce the policies of a new pod.
func TestOpenForAMoment(t *testing.T) {
	listener := listen(t)
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			_ = connection.Close()
		}
		_ = listener.Close()
	}()
	got := Attempt{LookUp: named, Settle: time.Second}.Run(t.Context(), []isolation.Target{{Part: isolation.Carrel, Address: listener.Addr().String()}})
	if !got.Network || len(got.Open) > 0 {
		t.Errorf("the report is %+v, want nothing open", got)
	}
}

// TestNoNetwork checks that a pod without a network does not take all for closed.
func TestNoNetwork(t *testing.T) {
	failing := func(ctx context.Context, name string) ([]string, error) {
		if _, bounded := ctx.Deadline(); !bounded || name != "kubernetes.default.svc" {
			t.Errorf("it looks for %q, bounded %v", name, bounded)
		}
		return nil, errors.New("no such host")
	}
	got := Attempt{LookUp: failing}.Run(t.Context(), []isolation.Target{{Part: isolation.Carrel, Address: listen(t).Addr().String()}})
	if diff := cmp.Diff(isolation.Report{Problem: "no such host"}, got); diff != "" {
		t.Errorf("the report differs (-want +got):\n%s", diff)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
