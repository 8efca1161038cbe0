// Command carrel-controller runs Carrel's controllers. Which ones is a flag,
// because the reporter and the errands run apart from the others, each under an account
// of its own.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/carrel-dev/carrel/cmd/internal/version"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/errand/attempt"
)

func main() {
	if err := newCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "carrel-controller:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use:           "carrel-controller",
		Short:         "Make a carrel of each Userland, and report on courses",
		Args:          cobra.NoArgs,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			// An error says where it comes from; a stack trace would only hide it.
			ctrl.SetLogger(zap.New(zap.StacktraceLevel(zapcore.PanicLevel)))
			ctrl.Log.Info("Starting", "version", version.String(), "controllers", o.controllers)
			mgr, err := newManager(command.Context(), o)
			if err != nil {
				return err
			}
			if err := mgr.Start(command.Context()); err != nil {
				return fmt.Errorf("run the controllers: %w", err)
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&o.controllers, "controllers", operator.Controllers, "the controllers to run: userland, template, course, volume; or report; or errand")
	flags.StringVar(&o.clusterName, "cluster-name", "", "name of this cluster, part of every commit status (report)")
	flags.StringVar(&o.gatewayAddress, "gateway-address", "", "web address of the gateway, e.g. https://desk.example.org: commit statuses lead to a course's board there (report)")
	flags.StringVar(&o.eventsAddress, "events-addr", "", "web address that events are sent to besides the API server, as Flux's controllers do (report)")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address to serve metrics on; 0 serves none")
	flags.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "address to serve /healthz and /readyz on")
	flags.StringVar(&o.pprofAddress, "pprof-bind-address", "0", "address to serve Go's profiles on; 0 serves none")
	flags.BoolVar(&o.leaderElection, "leader-elect", true, "let only one replica act at a time")
	flags.StringVar(&o.watchLabelSelector, "watch-label-selector", "", "see to the Courses, Templates and Userlands with matching labels only, e.g. 'sharding.carrel.dev/shard=a'; others are another process's")
	command.AddCommand(newCanaryCommand(attempt.New(), terminationLog))
	return command
}

// options are what the flags say.
type options struct {
	controllers                                 []string
	clusterName, watchLabelSelector             string
	gatewayAddress, eventsAddress               string
	metricsAddress, healthAddress, pprofAddress string
	leaderElection                              bool
	// leaderElectionNamespace holds the Lease; empty means the pod's own. Tests
	// set it, because they run in no pod.
	leaderElectionNamespace string
	// several managers run in one process: in tests.
	several bool
}
