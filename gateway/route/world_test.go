package route_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/enrol"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/logouts"
	"github.com/carrel-dev/carrel/gateway/observe"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/gateway/wait"
)

const (
	desk   = "desk.example.org"
	domain = "carrels-example.org"
	hanas  = "hana--prog1." + domain
	kens   = "ken--prog1." + domain
	// The headers by which the tests log in, as behind a trusted proxy.
	asHeader, groupsHeader, secretHeader, secret = "X-Test-User", "X-Test-Groups", "X-Test-Secret", "a secret of the proxy in front"
)

// world is a gateway with a class behind it.
type world struct {
	t       *testing.T
	cluster *gatewaytest.Cluster
	router  *route.Router
	server  *httptest.Server
	metrics *prometheus.Registry
	// staff holds the users to whom RBAC grants everything in every course.
	staff map[string]bool
}

// newWorld makes a world with the carrels of hana and ken in prog1. Hana's runs and is
// served by the handler; ken's is asleep.
func newWorld(t *testing.T, carrel http.Handler) *world {
	t.Helper()
	hosts, err := route.NewHosts("https://"+desk, domain)
	if err != nil {
		t.Fatal(err)
	}
	return startWorld(t, hosts, carrel)
}

// newWorldWith makes the world of newWorld with a router that a function has changed.
func newWorldWith(t *testing.T, carrel http.Handler, change func(*route.Router)) *world {
	t.Helper()
	hosts, err := route.NewHosts("https://"+desk, domain)
	if err != nil {
		t.Fatal(err)
	}
	return startWorld(t, hosts, carrel, change)
}

func startWorld(t *testing.T, hosts route.Hosts, carrel http.Handler, changes ...func(*route.Router)) *world {
	t.Helper()
	w := &world{t: t, cluster: gatewaytest.NewCluster(), metrics: prometheus.NewRegistry(), staff: map[string]bool{}}
	upstream := httptest.NewServer(carrel)
	t.Cleanup(upstream.Close)
	w.cluster.Review = func(asked authorizationv1.SubjectAccessReviewSpec) (bool, error) { return w.staff[asked.User], nil }
	w.cluster.Put(&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}})
	w.cluster.Set(userland("hana", v1alpha1.StateRunning), strings.TrimPrefix(upstream.URL, "http://"))
	w.cluster.Set(userland("ken", v1alpha1.StateAsleep), "")
	c, index := w.cluster.Client, w.cluster.Index
	w.router = &route.Router{
		Hosts: hosts, Login: login(t, hosts), Directory: index, Metrics: observe.NewMetrics(w.metrics),
		// Answers are not cached, since the rights of staff change within a test.
		Access:    access.New(c, access.Options{For: time.Nanosecond}),
		Activity:  activity.New(c, index, nil),
		Visits:    audit.Log{Client: c},
		Enrolment: &enrol.Enroller{Client: c, Directory: index, OneProvider: func() bool { return true }},
		Board:     http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "the board") }),
		Waiter:    &wait.Waiter{Directory: index, HoldFor: 2 * time.Second, Tick: time.Millisecond},
		Address:   route.AddressBehind(nil),
	}
	for _, change := range changes {
		change(w.router)
	}
	w.server = httptest.NewServer(w.router.Handler())
	t.Cleanup(w.server.Close)
	return w
}

func userland(name, state string) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name}, Status: v1alpha1.UserlandStatus{State: state}}
}

// login returns a desk that trusts the tests' headers.
func login(t *testing.T, hosts route.Hosts) *auth.Desk {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"key": strings.Repeat("k", 64), "secret": secret,
		"login.yaml": fmt.Sprintf("proxy: {userHeader: %s, groupsHeader: %s, keepGroups: .*, secretHeader: %s, secretFile: %q}\nsessions: {keyFiles: [%q]}\n",
			asHeader, groupsHeader, secretHeader, filepath.Join(dir, "secret"), filepath.Join(dir, "key")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := auth.ReadConfig(filepath.Join(dir, "login.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := auth.NewDesk(config, auth.Options{URL: hosts.DeskURL(), IsCarrel: hosts.IsCarrel, Render: route.ShowLogin})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// loginByCookie gives a router a desk with a provider, and a clock. It returns the function
// that logs a user in through a trusted proxy and hands the login over to hana's carrel,
// which then has a cookie. It also returns the record of logins that have ended.
func loginByCookie(t *testing.T, rt *route.Router, now clock.PassiveClock) (*logouts.Store, func(user string) http.Header) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"key": strings.Repeat("k", 64), "secret": secret} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf("providers: [{name: nobody, github: {clientID: x, clientSecretFile: %q}}]\nproxy: {userHeader: %s, secretHeader: %s, secretFile: %q}\nsessions: {keyFiles: [%q]}\n",
		filepath.Join(dir, "secret"), asHeader, secretHeader, filepath.Join(dir, "secret"), filepath.Join(dir, "key"))
	if err := os.WriteFile(filepath.Join(dir, "login.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := auth.ReadConfig(filepath.Join(dir, "login.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ended := logouts.New(func(context.Context, map[string]*string) error { return nil }, now.Now)
	d, err := auth.NewDesk(config, auth.Options{
		URL: rt.Hosts.DeskURL(), IsCarrel: rt.Hosts.IsCarrel, Clock: now,
		Logouts: ended,
	})
	if err != nil {
		t.Fatal(err)
	}
	rt.Login = d
	carrel := d.RequireCarrelLogin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return ended, func(user string) http.Header {
		t.Helper()
		header := http.Header{}
		for address := "https://" + hanas + "/"; ; {
			r := httptest.NewRequest(http.MethodGet, address, nil)
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Cookie", header.Get("Cookie"))
			rw := httptest.NewRecorder()
			if r.Host == desk {
				r.Header.Set(asHeader, user)
				r.Header.Set(secretHeader, secret)
				d.Handler().ServeHTTP(rw, r)
			} else {
				carrel.ServeHTTP(rw, r)
			}
			for _, c := range rw.Result().Cookies() {
				if c.Value != "" {
					header.Set("Cookie", c.Name+"="+c.Value)
				}
			}
			if address = rw.Header().Get("Location"); address == "" || strings.HasPrefix(address, "/") {
				return header
			}
		}
	}
}

// transport returns a transport that connects to the gateway for every host.
func (w *world) transport() *http.Transport {
	address := w.server.Listener.Addr().String()
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}
	w.t.Cleanup(t.CloseIdleConnections)
	return t
}

// request returns a request of a user who is logged in; without a user, of a stranger.
func (w *world) request(method, user, host, path string, body io.Reader) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+host+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if user != "" {
		r.Header.Set(asHeader, user)
		r.Header.Set(secretHeader, secret)
	}
	return r
}

// do returns the answer to a request, and its body.
func (w *world) do(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	client := &http.Client{Transport: w.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(body)
}

func (w *world) get(user, host, path string) (*http.Response, string) {
	w.t.Helper()
	return w.do(w.request(http.MethodGet, user, host, path, nil))
}

// activityWrites returns how often the activity of a carrel was written. What the
// router has noted and not yet written is written first.
func (w *world) activityWrites(carrel string) int {
	w.t.Helper()
	w.router.Activity.Flush(w.t.Context())
	n := 0
	for _, write := range w.cluster.StatusWrites() {
		if write.Userland == carrel && strings.Contains(write.Status, "lastActivityTime") {
			n++
		}
	}
	return n
}

// openSockets returns how many connections are counted as open.
func (w *world) openSockets() int {
	w.t.Helper()
	return int(w.metric("carrel_gateway_open_sockets"))
}

// metric returns the sum of a metric over all courses: of a histogram, how many
// values it holds.
func (w *world) metric(name string) (sum float64) {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// until waits until a condition is true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	for !is() {
		if ctx.Err() != nil {
			t.Fatalf("in a minute it was not so that %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
