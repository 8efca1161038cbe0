package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/controller/report"
)

// reportController runs in a process and under an account of its own, which can
// write no workload.
const reportController = "report"

// The Lease only one replica of a process holds. The accounts' rights on leases
// are limited to these names.
const (
	controllerLease = "carrel-controller"
	reporterLease   = "carrel-reporter"
)

// newManager makes a manager of the controllers wanted. It does not start.
func newManager(ctx context.Context, o options) (ctrl.Manager, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	mgr, err := assemble(ctx, config, o)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping)); err != nil {
		return nil, fmt.Errorf("serve probes: %w", err)
	}
	return mgr, nil
}

func assemble(ctx context.Context, config *rest.Config, o options) (ctrl.Manager, error) {
	if !slices.Contains(o.controllers, reportController) {
		return operator.New(ctx, config, o.manager(controllerLease), o.controllers...)
	}
	if len(o.controllers) > 1 {
		return nil, errors.New("--controllers=report runs alone: its account can do nothing of what the others do")
	}
	return report.New(config, o.manager(reporterLease), report.Options{ClusterName: o.clusterName})
}

// manager are the options of either manager.
func (o options) manager(lease string) ctrl.Options {
	return ctrl.Options{
		Metrics:                 server.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:  o.healthAddress,
		LeaderElection:          o.leaderElection,
		LeaderElectionID:        lease,
		LeaderElectionNamespace: o.leaderElectionNamespace,
		// The program ends when the manager does, so nothing runs on without the lease.
		LeaderElectionReleaseOnCancel: true,
	}
}
