package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/runtime/leaderelection"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/errand"
	"github.com/carrel-dev/carrel/reporter"
)

// reportController is the one that runs alone, under the account of
// kustomize/reporter, which can write no workload.
const reportController = "report"

// errandController runs alone, under the account of kustomize/errand, which can create
// Jobs in courses.
const errandController = "errand"

// loners are the controllers that run alone. Beside others, their accounts could do what
// those can.
var loners = []string{reportController, errandController}

// loner returns the controller that runs alone in this process; empty if it is none.
func (o options) loner() string {
	for _, name := range loners {
		if slices.Contains(o.controllers, name) {
			return name
		}
	}
	return ""
}

// noThrottle lets a class's objects be made as fast as the API server takes them.
// It protects itself, by priority and fairness; a throttle of the client's own
// only makes 600 students wait where it has time.
const noThrottle = -1

// newManager makes a manager with the controllers wanted.
func newManager(ctx context.Context, o options) (ctrl.Manager, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	server, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	server.QPS = noThrottle
	return managerOn(ctx, server, o)
}

func managerOn(ctx context.Context, server *rest.Config, o options) (ctrl.Manager, error) {
	options, err := managerOptions(o)
	if err != nil {
		return nil, err
	}
	watch := newWatch()
	lease, err := newLease(server, options, watch)
	if err != nil {
		return nil, err
	}
	if lease != nil {
		options.LeaderElectionResourceLockInterface = lease
	}
	mgr, err := ctrl.NewManager(server, options)
	if err != nil {
		return nil, fmt.Errorf("set up the controllers: %w", err)
	}
	if err := setUp(ctx, mgr, o, watch); err != nil {
		return nil, err
	}
	return mgr, addProbes(mgr, o)
}

// check refuses what does not go together.
func (o options) check() error {
	if alone := o.loner(); o.watchLabelSelector != "" && alone != "" {
		return fmt.Errorf("--watch-label-selector: the %s controller sees all courses, and costs little", alone)
	}
	for flag, address := range map[string]string{"--gateway-address": o.gatewayAddress, "--events-addr": o.eventsAddress} {
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	return checkControllers(o.controllers)
}

// maxAddress leaves room for /courses/<course> in what a GitLab takes for a link,
// 255 characters, and a course's name has at most 63.
const maxAddress = 180

// checkAddress takes what a forge takes as the link of a status.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return nil
	case err != nil:
		return err
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("%q is no address: write https://<host>, maybe with a path", u.Redacted())
	case len(address) > maxAddress:
		return fmt.Errorf("it has %d characters, and a forge takes no link that long: at most %d", len(address), maxAddress)
	}
	return nil
}

// managerOptions say what the manager keeps in memory and how it is elected.
func managerOptions(o options) (ctrl.Options, error) {
	scheme, err := newScheme()
	if err != nil {
		return ctrl.Options{}, err
	}
	cached, err := cacheOptions(o)
	if err != nil {
		return ctrl.Options{}, err
	}
	return ctrl.Options{
		Scheme:                  scheme,
		Cache:                   cached,
		Metrics:                 metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:  o.healthAddress,
		PprofBindAddress:        o.pprofAddress,
		LeaderElection:          o.leaderElection,
		LeaderElectionID:        leaseName(o),
		LeaderElectionNamespace: o.leaderElectionNamespace,
		// The process ends when it stops to lead, so the next may begin at once.
		LeaderElectionReleaseOnCancel: true,
		// Who waits to lead has listed all there is, and knows what to look at.
		Controller: config.Controller{EnableWarmup: new(true), SkipNameValidation: &o.several},
	}, nil
}

// checkControllers refuses unknown names, and a loner beside others.
func checkControllers(names []string) error {
	if len(names) == 0 {
		return errors.New("--controllers names none")
	}
	for _, name := range names {
		switch {
		case slices.Contains(loners, name) && len(names) > 1:
			return fmt.Errorf("--controllers=%s runs alone, under an account of its own", name)
		case !slices.Contains(loners, name) && !slices.Contains(operator.Controllers, name):
			return fmt.Errorf("--controllers: there is no %q; there are %s, and %s", name, strings.Join(operator.Controllers, ", "), strings.Join(loners, ", "))
		}
	}
	return nil
}

// leaseName is the Lease only one replica holds. The kinds of process have
// one each, and a Role each that names it. So does each shard: the name ends in a
// digest of its selector, as those of Flux's controllers do.
func leaseName(o options) string {
	switch {
	case o.loner() == reportController:
		return "carrel-reporter"
	case o.loner() == errandController:
		return "carrel-errand"
	case o.watchLabelSelector != "":
		return leaderelection.GenerateID(leaseBase, o.watchLabelSelector)
	default:
		return leaseBase
	}
}

const leaseBase = "carrel-controller"

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(clientgoscheme.AddToScheme, v1alpha1.AddToScheme, reporter.AddToScheme)
	if err := kinds.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register kinds: %w", err)
	}
	return scheme, nil
}

// addProbes serves /healthz as long as the process answers, and /readyz once the
// caches of all kinds that it watches are filled.
func addProbes(mgr ctrl.Manager, o options) error {
	watched, err := operator.Watched(), error(nil)
	switch o.loner() {
	case reportController:
		watched, err = reporter.Watched(mgr.GetRESTMapper())
	case errandController:
		watched = errand.Watched()
	}
	if err != nil {
		return err
	}
	return errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("caches", cachesFilled(mgr.GetCache(), watched)))
}

// cachesFilled fails until the cache has listed every object of these kinds.
func cachesFilled(c cache.Cache, kinds []client.Object) healthz.Checker {
	return func(request *http.Request) error {
		for _, kind := range kinds {
			informer, err := c.GetInformer(request.Context(), kind, cache.BlockUntilSynced(false))
			if err != nil {
				return fmt.Errorf("watch %T: %w", kind, err)
			}
			if !informer.HasSynced() {
				return fmt.Errorf("the cache of %T is not filled yet", kind)
			}
		}
		return nil
	}
}

// cacheOptions keep in memory what the process reads.
func cacheOptions(o options) (cache.Options, error) {
	switch o.loner() {
	case reportController:
		return cache.Options{DefaultTransform: cache.TransformStripManagedFields()}, nil
	case errandController:
		return errand.CacheOptions(), nil
	}
	selector, err := o.selector()
	return kube.ShardCacheOptions(selector), err
}

// selector selects the shard.
func (o options) selector() (labels.Selector, error) {
	selector, err := kube.ParseSelector(o.watchLabelSelector)
	if err != nil {
		return labels.Nothing(), fmt.Errorf("--watch-label-selector: %w", err)
	}
	return selector, nil
}

func setUp(ctx context.Context, mgr ctrl.Manager, o options, watch *watch) error {
	switch o.loner() {
	case errandController:
		return errand.SetupWithManager(mgr, clock.RealClock{})
	case reportController:
		return reporter.SetupWithManager(mgr, reporter.Options{ClusterName: o.clusterName, Gateway: o.gatewayAddress, EventsAddress: o.eventsAddress})
	}
	selector, err := o.selector()
	if err != nil {
		return err
	}
	return operator.SetupWithManager(ctx, mgr, operator.Options{Clock: clock.RealClock{}, Selector: selector, Watch: watch.Identity, Metrics: metrics.Registry}, o.controllers...)
}
