// Command carrel-gateway logs people in, routes each to their own carrel, wakes carrels
// that are asleep, and shows teachers the class board.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/carrel-dev/carrel/cmd/internal/version"
	"github.com/carrel-dev/carrel/gateway/conns"
	"github.com/carrel-dev/carrel/gateway/route"
)

func main() {
	if err := newCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "carrel-gateway:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use:           "carrel-gateway",
		Short:         "Log people in and bring each to their own carrel",
		Args:          cobra.NoArgs,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			// Errors name where they come from, so stack traces would only be noise.
			ctrl.SetLogger(zap.New(zap.StacktraceLevel(zapcore.PanicLevel)))
			ctrl.Log.Info("Starting", "version", version.String())
			server, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("find the API server: %w", err)
			}
			g, err := newGateway(command.Context(), server, metrics.Registry, o)
			if err != nil {
				return err
			}
			return g.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.deskURL, "desk-url", "", "where people log in and see class boards, e.g. https://desk.example.org")
	flags.StringVar(&o.domain, "carrel-domain", "", "carrels are https://<userland>--<course>.<this>, e.g. carrels-example.org: best a registrable domain other than the desk's")
	flags.StringVar(&o.single, "single-course", "", "serve this one course at / of the desk's host, without class board and staff, instead of --carrel-domain")
	flags.StringVar(&o.loginFile, "login-file", "/etc/carrel/login/login.yaml", "who vouches for people, and the keys of cookies (docs/login.md)")
	flags.StringVar(&o.listen, "listen", ":8443", "address to serve people on")
	flags.StringVar(&o.certificate, "tls-cert-file", "", "certificate of desk and carrels in PEM, read anew when it changes; empty: plain HTTP, for behind something that ends TLS")
	flags.StringVar(&o.certificateKey, "tls-key-file", "", "its key")
	flags.StringSliceVar(&o.proxies, "trusted-proxies", nil, "networks whose X-Forwarded-For is believed, e.g. 10.0.0.0/8")
	flags.StringVar(&o.userPrefix, "user-prefix", "", "put before identities where RBAC is asked, as the API server's --oidc-username-prefix")
	flags.StringVar(&o.groupPrefix, "group-prefix", "", "put before groups where RBAC is asked, as the API server's --oidc-groups-prefix")
	flags.StringSliceVar(&o.quietPaths, "quiet-paths", nil, "paths whose requests are no sign of a person; one that ends in / stands for all below")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address to serve metrics on; 0 serves none")
	flags.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "address to serve /healthz and /readyz on")
	flags.DurationVar(&o.settleFor, "settle-for", 5*time.Second, "how long new visitors are still served after a signal to stop, until the cluster sends them elsewhere")
	flags.DurationVar(&o.drainFor, "drain-for", 50*time.Minute, "how long connections that last are left alone after a signal to stop")
	o.addBounds(command)
	return command
}

// addBounds adds the flags that bound what is under way. Their defaults suit a replica of
// 512 MiB and a class of 300 behind one address that logs in within a minute.
func (o *options) addBounds(command *cobra.Command) {
	for _, bound := range []struct {
		into  *int
		name  string
		most  int
		usage string
	}{
		{&o.bounds.Requests, "max-requests", 5000, "most requests under way in all"},
		{&o.bounds.UserRequests, "max-requests-per-user", 256, "most requests of one user under way, to carrels and again to the desk"},
		{&o.bounds.CarrelRequests, "max-requests-per-carrel", 512, "most requests to one carrel under way"},
		{&o.bounds.AddressRequests, "max-requests-per-address", 1000, "most requests under way from one address that bring no login"},
		{&o.bounds.Sockets, "max-sockets", 6000, "most WebSockets in all"},
		{&o.bounds.UserSockets, "max-sockets-per-user", 64, "most WebSockets of one user"},
		{&o.bounds.CarrelSockets, "max-sockets-per-carrel", 128, "most WebSockets to one carrel"},
		{&o.connections.All, "max-connections", 8000, "most connections in all, without WebSockets; over it the oldest without a login and a request are closed"},
		{&o.connections.PerUser, "max-connections-per-user", 128, "most connections of one user"},
		{&o.connections.PerAddress, "max-connections-per-address", 2000, "most connections from one address that brought no login; over it the oldest without a request are closed"},
	} {
		command.Flags().IntVar(bound.into, bound.name, bound.most, bound.usage+", for each replica; 0 is no bound")
	}
}

// options holds the values of the flags.
type options struct {
	deskURL, domain, single       string
	loginFile                     string
	listen                        string
	certificate, certificateKey   string
	proxies, quietPaths           []string
	userPrefix, groupPrefix       string
	metricsAddress, healthAddress string
	settleFor, drainFor           time.Duration
	bounds                        route.Bounds
	connections                   conns.Bounds
}
