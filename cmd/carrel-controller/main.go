// Command carrel-controller is Carrel's operator: it turns Userlands and
// Templates into Deployments, Services and volumes, and says how each carrel and
// each course is doing.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/controller/operator"
)

// leaseName is what the account's rights on leases are limited to.
const leaseName = "carrel-controller"

type flags struct {
	controllers, metrics, probes, leaseNamespace string
	elect                                        bool
	log                                          zap.Options
}

func main() {
	if err := run(parse()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse() flags {
	var f flags
	flag.StringVar(&f.controllers, "controllers", strings.Join(operator.All, ","), "the controllers to run, separated by commas")
	flag.StringVar(&f.metrics, "metrics-bind-address", ":8080", "where Prometheus metrics are served; 0 for nowhere")
	flag.StringVar(&f.probes, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served; 0 for nowhere")
	flag.BoolVar(&f.elect, "leader-elect", true, "let one process at a time work, so that several may stand by")
	flag.StringVar(&f.leaseNamespace, "leader-elect-namespace", "", "the namespace of the lease; default: that of the pod")
	f.log.BindFlags(flag.CommandLine)
	flag.Parse()
	return f
}

func run(f flags) error {
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&f.log)))
	ctx := ctrl.SetupSignalHandler()
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	mgr, err := operator.New(ctx, config, f.options(), strings.Split(f.controllers, ",")...)
	if err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func (f flags) options() ctrl.Options {
	return ctrl.Options{
		Metrics:                 metricsserver.Options{BindAddress: f.metrics},
		HealthProbeBindAddress:  f.probes,
		LeaderElection:          f.elect,
		LeaderElectionID:        leaseName,
		LeaderElectionNamespace: f.leaseNamespace,
		// The program ends when the manager does, so nothing runs on without the lease.
		LeaderElectionReleaseOnCancel: true,
	}
}
