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
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/gateway/wait"
)

const (
	desk   = "desk.example.org"
	domain = "carrels-example.org"
	hanas  = "hana--prog1." + domain
	kens   = "ken--prog1." + domain
	// The header by which the tests log in, as behind a trusted proxy.
	asHeader, secretHeader, secret = "X-Test-User", "X-Test-Secret", "a secret of the proxy in front"
)

// world is a gateway with a class behind it.
type world struct {
	t         *testing.T
	directory *gatewaytest.Directory
	router    *route.Router
	server    *httptest.Server
	activity  *used
	visits    *visits
	staff     map[string]bool
	enrolled  func(auth.Identity) (string, error)
	sockets   *sockets
}

// newWorld is one with the carrels of hana and ken in prog1; hana's is served by the
// handler.
func newWorld(t *testing.T, carrel http.Handler) *world {
	t.Helper()
	hosts, err := route.NewHosts("https://"+desk, domain)
	if err != nil {
		t.Fatal(err)
	}
	return startWorld(t, hosts, carrel)
}

func startWorld(t *testing.T, hosts route.Hosts, carrel http.Handler) *world {
	t.Helper()
	w := &world{t: t, directory: gatewaytest.New(), activity: &used{}, visits: &visits{}, staff: map[string]bool{}, sockets: &sockets{}}
	upstream := httptest.NewServer(carrel)
	t.Cleanup(upstream.Close)
	w.directory.Put(&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}})
	w.directory.Set(userland("hana", v1alpha1.StateRunning), strings.TrimPrefix(upstream.URL, "http://"))
	w.directory.Set(userland("ken", v1alpha1.StateAsleep), "")
	w.router = &route.Router{
		Hosts: hosts, Login: login(t, hosts), Directory: w.directory, Access: w, Activity: w.activity, Visits: w.visits, Enrolment: w, Observer: w.sockets,
		Board:   http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "the board") }),
		Waiter:  &wait.Waiter{Directory: w.directory, HoldFor: 2 * time.Second, Tick: time.Millisecond},
		Address: route.AddressBehind(nil),
	}
	w.server = httptest.NewServer(w.router.Handler())
	t.Cleanup(w.server.Close)
	return w
}

func userland(name, state string) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name}, Status: v1alpha1.UserlandStatus{State: state}}
}

// login believes the tests' header.
func login(t *testing.T, hosts route.Hosts) *auth.Desk {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"key": strings.Repeat("k", 64), "secret": secret,
		"login.yaml": fmt.Sprintf("proxy: {userHeader: %s, secretHeader: %s, secretFile: %q}\nsessions: {keyFiles: [%q]}\n",
			asHeader, secretHeader, filepath.Join(dir, "secret"), filepath.Join(dir, "key")),
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

// MayOpen lets staff, and owners.
func (w *world) MayOpen(_ context.Context, id auth.Identity, _, _, owner string) (access.Decision, error) {
	if id.User == owner {
		return access.Decision{Allowed: true}, nil
	}
	return access.Decision{Allowed: w.staff[id.User], Staff: true}, nil
}

// MayViewBoard lets staff.
func (w *world) MayViewBoard(_ context.Context, id auth.Identity, _ string) (bool, error) {
	return w.staff[id.User], nil
}

// Enrol lets in whom the test says.
func (w *world) Enrol(_ context.Context, id auth.Identity, _ string) (string, bool, error) {
	if w.enrolled == nil {
		return "", false, nil
	}
	name, err := w.enrolled(id)
	return name, name != "", err
}

// transport reaches the gateway under every host.
func (w *world) transport() *http.Transport {
	address := w.server.Listener.Addr().String()
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}
	w.t.Cleanup(t.CloseIdleConnections)
	return t
}

// request is one of a logged in user; nobody: of somebody who is not.
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

// do answers a request, and its body.
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

// used notes what the router takes for activity.
type used struct {
	mu      sync.Mutex
	touched []string
	woken   []string
	wake    func(directory.Carrel)
}

func (a *used) Counts(r *http.Request) bool { return r.Method != http.MethodHead }

func (a *used) Touch(c directory.Carrel) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.touched = append(a.touched, c.Name)
}

func (a *used) Frames(directory.Carrel) func([]byte) { return func([]byte) {} }

func (a *used) Wake(_ context.Context, c directory.Carrel) error {
	a.mu.Lock()
	a.woken = append(a.woken, c.Name)
	wake := a.wake
	a.mu.Unlock()
	if wake != nil {
		wake(c)
	}
	return nil
}

func (a *used) counts() (touched, woken int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.touched), len(a.woken)
}

// visits notes who opened what of another.
type visits struct {
	mu  sync.Mutex
	all []string
	err error
}

func (v *visits) Opened(_ context.Context, u *v1alpha1.Userland, who string, _ time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = append(v.all, who+" opened "+u.Name)
	return v.err
}

// sockets counts connections.
type sockets struct {
	mu           sync.Mutex
	open, opened int
	woken        int
}

func (s *sockets) Opened(string) { s.add(1) }
func (s *sockets) Closed(string) { s.add(-1) }

func (s *sockets) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.opened += max(n, 0)
}

func (s *sockets) Woken(string, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken++
}

// counts are how many are open, and were opened.
func (s *sockets) counts() (open, opened int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.opened
}

// until waits for something that happens beside the test.
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
