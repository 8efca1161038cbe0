package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/report"
)

// reportController is the one that runs alone: see rule on least privilege in
// the design of the accounts, kustomize/reporter.
const reportController = "report"

// workloadControllers are those that run together, in the order they start.
var workloadControllers = []string{"userland", "template", "course"}

// qps and burst let a class's objects be made as fast as the API server takes
// them; it has its own priority and fairness to protect itself.
const (
	qps   = 200
	burst = 400
)

// newManager makes a manager with the controllers wanted.
func newManager(o options) (ctrl.Manager, error) {
	if err := checkControllers(o.controllers); err != nil {
		return nil, err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	config.QPS, config.Burst = qps, burst
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Client:                        client.Options{},
		Metrics:                       server.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.healthAddress,
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
	for _, name := range o.controllers {
		if err := setUp(mgr, name, o); err != nil {
			return nil, fmt.Errorf("set up the controller %s: %w", name, err)
		}
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
		case name != reportController && !slices.Contains(workloadControllers, name):
			return fmt.Errorf("--controllers: there is no %q; there are %s, and %s", name, strings.Join(workloadControllers, ", "), reportController)
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

func setUp(mgr ctrl.Manager, name string, o options) error {
	switch name {
	case reportController:
		return report.SetupWithManager(mgr, report.Options{ClusterName: o.clusterName})
	default:
		return errors.New("not wired")
	}
}
