// Command source-controller runs Flux's reconciler of GitRepository objects and
// serves the artifacts. It leaves out Helm charts, Helm repositories, buckets and
// OCI artifacts: no development cluster has such a source, and their libraries
// take longer to compile than all the rest. It takes the flags that Flux's
// Deployment sets, and refuses the flags of what is left out.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	artifact "github.com/fluxcd/pkg/artifact/config"
	"github.com/fluxcd/pkg/artifact/server"
	"github.com/fluxcd/pkg/artifact/storage"
	fluxcontroller "github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/events"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/fluxcd/pkg/runtime/metrics"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/fluxcd/source-controller/internal/controller"
)

const name = "source-controller"

// settings holds the values of the flags.
type settings struct {
	everywhere bool
	log        logger.Options
	election   leaderelection.Options
	artifacts  artifact.Options
}

func main() {
	s := settings{artifacts: artifact.Options{StorageAddress: ":9090", ArtifactRetentionTTL: time.Minute, ArtifactRetentionRecords: 2}}
	pflag.BoolVar(&s.everywhere, "watch-all-namespaces", true, "watch every namespace instead of $RUNTIME_NAMESPACE alone")
	pflag.StringVar(&s.artifacts.StoragePath, "storage-path", "/data", "folder of the artifacts")
	pflag.StringVar(&s.artifacts.StorageAdvAddress, "storage-adv-addr", "", "host and port in the artifacts' URLs")
	s.log.BindFlags(pflag.CommandLine)
	s.election.BindFlags(pflag.CommandLine)
	pflag.Parse()

	logger.SetLogger(logger.NewLogger(s.log))
	if err := run(ctrl.SetupSignalHandler(), s); err != nil {
		ctrl.Log.Error(err, name+" ends")
		os.Exit(1)
	}
}

// run reconciles and serves until ctx is done.
func run(ctx context.Context, s settings) error {
	mgr, err := newManager(s)
	if err != nil {
		return fmt.Errorf("set up the manager: %w", err)
	}
	store, err := storage.New(&s.artifacts)
	if err != nil {
		return fmt.Errorf("open the storage of artifacts: %w", err)
	}
	recorder, err := events.NewRecorder(mgr, ctrl.Log, "", name)
	if err != nil {
		return fmt.Errorf("set up events: %w", err)
	}
	repositories := controller.GitRepositoryReconciler{
		ControllerName: name,
		Client:         mgr.GetClient(),
		Storage:        store,
		EventRecorder:  recorder,
		Metrics:        fluxcontroller.NewMetrics(mgr, metrics.MustMakeRecorder(), sourcev1.SourceFinalizer),
	}
	err = repositories.SetupWithManagerAndOptions(mgr, controller.GitRepositoryReconcilerOptions{
		RateLimiter:               fluxcontroller.GetDefaultRateLimiter(),
		DependencyRequeueInterval: 5 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("set up the controller of GitRepository: %w", err)
	}
	// The manager starts a RunnableFunc once it is the leader, so only the
	// replica that writes artifacts serves them and is ready.
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { return server.Start(ctx, &s.artifacts) }))
	if err != nil {
		return fmt.Errorf("add the server of artifacts: %w", err)
	}
	return mgr.Start(ctx)
}

func newManager(s settings) (ctrl.Manager, error) {
	if err := sourcev1.AddToScheme(scheme.Scheme); err != nil {
		return nil, err
	}
	var watched cache.Options
	if !s.everywhere {
		watched.DefaultNamespaces = map[string]cache.Config{os.Getenv("RUNTIME_NAMESPACE"): {}}
	}
	connection, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	connection.QPS = -1 // The API server limits requests by itself.
	mgr, err := ctrl.NewManager(connection, ctrl.Options{
		Scheme: scheme.Scheme,
		Cache:  watched,
		// Credentials are read one by one, and not all of a cluster's are kept.
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.ConfigMap{}, &corev1.Secret{}}}},
		Controller:                    config.Controller{MaxConcurrentReconciles: 2},
		HealthProbeBindAddress:        ":9440",
		LeaderElectionID:              name + "-leader-election",
		LeaderElection:                s.election.Enable,
		LeaderElectionReleaseOnCancel: s.election.ReleaseOnCancel,
		RetryPeriod:                   &s.election.RetryPeriod,
		RenewDeadline:                 &s.election.RenewDeadline,
		LeaseDuration:                 &s.election.LeaseDuration,
	})
	if err != nil {
		return nil, err
	}
	return mgr, mgr.AddHealthzCheck("ping", healthz.Ping)
}
