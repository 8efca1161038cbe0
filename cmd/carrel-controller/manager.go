package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/controller/report"
)

// reportController is the one that runs alone, under the account of
// kustomize/reporter, which can write no workload.
const reportController = "report"

// noThrottle lets a class's objects be made as fast as the API server takes them.
// It protects itself, by priority and fairness; a throttle of the client's own
// only makes 600 students wait where it has time.
const noThrottle = -1

// newManager makes a manager with the controllers wanted.
func newManager(ctx context.Context, o options) (ctrl.Manager, error) {
	if err := checkControllers(o.controllers); err != nil {
		return nil, err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	config.QPS = noThrottle
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions(o.controllers),
		Metrics:                       server.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.healthAddress,
		PprofBindAddress:              o.pprofAddress,
		LeaderElection:                o.leaderElection,
		LeaderElectionID:              leaseName(o.controllers),
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the controllers: %w", err)
	}
	if err := addProbes(mgr); err != nil {
		return nil, err
	}
	if err := setUp(ctx, mgr, o); err != nil {
		return nil, err
	}
	return mgr, nil
}

// checkControllers refuses names there are not, and the reporter beside others:
// its account could do what theirs can.
func checkControllers(names []string) error {
	if len(names) == 0 {
		return errors.New("--controllers names none")
	}
	for _, name := range names {
		switch {
		case name == reportController && len(names) > 1:
			return errors.New("--controllers=report runs alone, under an account of its own")
		case name != reportController && !slices.Contains(operator.Controllers, name):
			return fmt.Errorf("--controllers: there is no %q; there are %s, and %s", name, strings.Join(operator.Controllers, ", "), reportController)
		}
	}
	return nil
}

// leaseName is the Lease only one replica holds. The two kinds of process have
// one each, and a Role each that names it.
func leaseName(controllers []string) string {
	if slices.Contains(controllers, reportController) {
		return "carrel-reporter"
	}
	return "carrel-controller"
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, report.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register kinds: %w", err)
		}
	}
	return scheme, nil
}

func addProbes(mgr ctrl.Manager) error {
	return errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping))
}

// cacheOptions keep in memory what the process reads.
func cacheOptions(controllers []string) cache.Options {
	if slices.Contains(controllers, reportController) {
		return cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
	}
	return operator.CacheOptions()
}

func setUp(ctx context.Context, mgr ctrl.Manager, o options) error {
	if slices.Contains(o.controllers, reportController) {
		return report.SetupWithManager(mgr, report.Options{ClusterName: o.clusterName})
	}
	return operator.SetupWithManager(ctx, mgr, clock.RealClock{}, o.controllers...)
}
