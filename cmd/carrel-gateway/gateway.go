package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/conns"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/enrol"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/logouts"
	"github.com/carrel-dev/carrel/gateway/observe"
	"github.com/carrel-dev/carrel/gateway/request"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/gateway/wait"
)

// noThrottle disables the client's rate limit. The API server protects itself.
const noThrottle = -1

// gateway holds the parts of the running program.
type gateway struct {
	options   options
	directory *directory.Directory
	// ended holds the logins that have ended, which logouts follows.
	ended   *logouts.Store
	logouts *logouts.Follower
	router  *route.Router
	handler http.Handler
	// connections counts and bounds those of visitors.
	connections *conns.Connections
	// visitors, probes and numbers are the listeners; nil if nothing is served there.
	visitors, probes, numbers net.Listener
	// tasks run until the gateway has stopped serving.
	tasks []func(context.Context) error
}

// newGateway makes the parts by the options, and starts to listen.
func newGateway(ctx context.Context, server *rest.Config, registry prometheus.Registerer, o options) (*gateway, error) {
	hosts, err := o.hosts()
	if err != nil {
		return nil, err
	}
	proxies, err := o.networks()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(clientgoscheme.AddToScheme, v1alpha1.AddToScheme)
	if err := kinds.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register kinds: %w", err)
	}
	server = rest.CopyConfig(server)
	server.QPS = noThrottle
	c, err := client.New(server, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	people, err := directory.New(ctx, server, scheme)
	if err != nil {
		return nil, err
	}
	config, err := auth.ReadConfig(o.loginFile)
	if err != nil {
		return nil, err
	}
	ended := logouts.New(logouts.Patch(c), time.Now)
	follower, err := logouts.Follow(ctx, server, scheme, ended)
	if err != nil {
		return nil, err
	}
	address := route.AddressBehind(proxies)
	desk, err := auth.NewDesk(config, auth.Options{
		URL: hosts.DeskURL(), IsCarrel: hosts.IsCarrel, Render: route.ShowLogin, ClientAddress: address, Logouts: ended,
	})
	if err != nil {
		return nil, err
	}
	g := &gateway{options: o, directory: people, ended: ended, logouts: follower, connections: conns.New(o.connections, nameBehind(append(proxies, config.ProxyNetworks()...)))}
	g.wire(c, hosts, desk, address, registry)
	return g, g.listen(ctx)
}

// off is the address that disables a listener.
const off = "0"

func (g *gateway) listen(ctx context.Context) error {
	for _, one := range []struct {
		flag, address string
		listener      *net.Listener
	}{
		{"--listen", g.options.listen, &g.visitors},
		{"--health-probe-bind-address", g.options.healthAddress, &g.probes},
		{"--metrics-bind-address", g.options.metricsAddress, &g.numbers},
	} {
		if one.address == off {
			continue
		}
		var err error
		if *one.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", one.address); err != nil {
			return fmt.Errorf("%s: %w", one.flag, err)
		}
	}
	return nil
}

// wire connects the parts.
func (g *gateway) wire(c client.Client, hosts route.Hosts, desk *auth.Desk, address func(*http.Request) string, registry prometheus.Registerer) {
	may := access.New(c, access.Options{UserPrefix: g.options.userPrefix, GroupPrefix: g.options.groupPrefix})
	seats := &board.Board{
		Directory: g.directory.Index, Access: may, Requests: board.Requests{Client: c}, Audit: audit.Log{Client: c}, CarrelURL: hosts.CarrelURL,
		Volumes: request.Volumes{Client: c, Owner: board.VolumesOwner},
	}
	used := activity.New(c, g.directory.Index, nil)
	counts := observe.NewMetrics(registry)
	waiter := &wait.Waiter{Directory: g.directory.Index}
	if _, single := hosts.Single(); !single {
		waiter.Desk = hosts.DeskURL()
	}
	g.router = &route.Router{
		Hosts: hosts, Login: desk, Board: seats.Handler(), Directory: g.directory.Index, Access: may, Waiter: waiter,
		Activity: used, Rules: activity.Rules{QuietPaths: g.options.quietPaths},
		Visits:    audit.Log{Client: c},
		Enrolment: &enrol.Enroller{Client: c, Directory: g.directory.Index, OneProvider: desk.OneProvider},
		Metrics:   counts, Address: address, Bounds: g.options.bounds, Memory: limit.OfProcess(),
	}
	lines := observe.NewAccessLog(os.Stdout)
	g.handler = observe.Handler(counts, clock.RealClock{}, lines, g.router.Handler())
	g.tasks = []func(context.Context) error{
		g.directory.Run, func(ctx context.Context) error { return g.directory.Listen(ctx, c) }, g.logouts.Run,
		seats.Run, used.Run, g.router.Run, lines.Run, func(ctx context.Context) error { return desk.Follow(ctx, g.options.loginFile) },
	}
}

func (o options) hosts() (route.Hosts, error) {
	switch {
	case o.deskURL == "":
		return route.Hosts{}, errors.New("--desk-url is not set: say where people log in, e.g. https://desk.example.org")
	case (o.domain == "") == (o.single == ""):
		return route.Hosts{}, errors.New("set --carrel-domain, or --single-course to serve one course alone")
	case (o.certificate == "") != (o.certificateKey == ""):
		return route.Hosts{}, errors.New("--tls-cert-file and --tls-key-file need each other: without both, all would be plain HTTP")
	case slices.ContainsFunc(o.quietPaths, func(path string) bool { return !strings.HasPrefix(path, "/") }):
		return route.Hosts{}, fmt.Errorf("--quiet-paths %q: paths begin with /", o.quietPaths)
	case o.single != "":
		return route.NewSingleHost(o.deskURL, o.single)
	}
	return route.NewHosts(o.deskURL, o.domain)
}

// nameBehind returns the function that names addresses for conns.New. The proxies'
// addresses have no name.
func nameBehind(proxies []netip.Prefix) func(netip.Addr) string {
	return func(a netip.Addr) string {
		if slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return ""
		}
		return limit.Network(a.String())
	}
}

func (o options) networks() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range o.proxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies: %w: write a network such as 10.0.0.0/8", err)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}
