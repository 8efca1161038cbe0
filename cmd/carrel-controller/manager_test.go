package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	apiserver.Main(m)
}

// replica is a process of the controller.
type replica struct {
	stop func()

	mutex sync.Mutex
	made  []string
}

func (r *replica) RoundTrip(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	r.mutex.Lock()
	r.made = append(r.made, request.Method+" "+request.URL.Path)
	r.mutex.Unlock()
	return next.RoundTrip(request)
}

// lists are the requests so far, watches included, that read a whole kind.
func (r *replica) lists() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.DeleteFunc(slices.Clone(r.made), func(made string) bool {
		return !slices.ContainsFunc([]string{"/userlands", "/templates", "/courses", "/deployments", "/services",
			"/persistentvolumeclaims", "/pods", "/controllerrevisions", "/storageclasses"},
			func(kind string) bool { return strings.HasPrefix(made, "GET ") && strings.HasSuffix(made, kind) })
	})
}

// listsAtRest returns the number of lists once no more arrive; a watch follows each list.
func (r *replica) listsAtRest(t *testing.T) (count int) {
	t.Helper()
	until(t, func() error {
		count = len(r.lists())
		time.Sleep(2 * time.Second)
		if now := len(r.lists()); now != count {
			return fmt.Errorf("the replica goes on reading: %d lists, and %d a moment later", count, now)
		}
		return nil
	})
	return count
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// startReplica runs what the command runs until stop, or the end of the test.
func startReplica(t *testing.T, o options) *replica {
	t.Helper()
	r := &replica{}
	server := apiserver.Config()
	server.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) { return r.RoundTrip(next, request) })
	})
	ctx, cancel := context.WithCancel(context.Background())
	mgr, err := managerOn(ctx, server, o)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func until(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// A replica that waits has listed everything; when the leader is asked to end it
// lets go of the lease, and the next acts without listing anything again.
func TestStandbyTakesOver(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	o := options{
		controllers: operator.Controllers, metricsAddress: "0", healthAddress: "0", pprofAddress: "0",
		leaderElection: true, leaderElectionNamespace: namespace, several: true,
	}
	holder := func() string {
		lease := &coordinationv1.Lease{}
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: leaseName(o)}, lease); client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		return ptr.Deref(lease.Spec.HolderIdentity, "")
	}
	looked := func(name string) {
		t.Helper()
		u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := c.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		until(t, func() error {
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(u), u); err != nil || u.Status.State == "" {
				return fmt.Errorf("nobody looks at %s: %w", name, err)
			}
			return nil
		})
	}
	first := startReplica(t, o)
	looked("hanako")
	leader := holder()

	standby := startReplica(t, o)
	kinds := len(slices.Compact(slices.Sorted(slices.Values(first.lists()))))
	until(t, func() error {
		if listed := len(slices.Compact(slices.Sorted(slices.Values(standby.lists())))); listed < kinds {
			return fmt.Errorf("the standby has read %d of %d kinds", listed, kinds)
		}
		return nil
	})
	if now := holder(); now != leader {
		t.Fatalf("%q leads, want still %q", now, leader)
	}
	before := standby.listsAtRest(t)
	first.stop()
	if now := holder(); now == leader {
		t.Errorf("the lease is still held by %q, which has ended", now)
	}
	looked("taro")
	if now := holder(); now == "" || now == leader {
		t.Errorf("the lease is held by %q, want the standby", now)
	}
	if more := standby.lists()[before:]; len(more) > 0 {
		t.Errorf("to take over, the standby reads: %v", more)
	}
}

// A process is ready when it has listed all that it watches, and no sooner: a
// roll-out that goes on before would leave nobody who knows what there is.
func TestReadyOnceCachesAreFilled(t *testing.T) {
	for name, controllers := range map[string][]string{"controller": operator.Controllers, "reporter": {reportController}, "errand": {errandController}} {
		t.Run(name, func(t *testing.T) {
			c := apiserver.Client(t)
			o := options{
				controllers: controllers, clusterName: "test", metricsAddress: "0", healthAddress: freeAddress(t), pprofAddress: "0",
				leaderElection: true, leaderElectionNamespace: apiserver.Namespace(t, c), several: true,
			}
			held := make(chan struct{})
			server := apiserver.Config()
			server.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(request *http.Request) (*http.Response, error) {
					if strings.HasSuffix(request.URL.Path, "/courses") {
						<-held
					}
					return next.RoundTrip(request)
				})
			})
			ctx, cancel := context.WithCancel(context.Background())
			mgr, err := managerOn(ctx, server, o)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- mgr.Start(ctx) }()
			release := sync.OnceFunc(func() { close(held) })
			t.Cleanup(func() {
				release()
				cancel()
				if err := <-ended; err != nil {
					t.Errorf("the manager ends with %v", err)
				}
			})

			probe := func(path string) int {
				response, err := http.Get("http://" + o.healthAddress + path) //nolint:noctx // a probe has its own limits
				if err != nil {
					return 0
				}
				defer response.Body.Close()
				return response.StatusCode
			}
			until(t, func() error {
				if code := probe("/healthz"); code != http.StatusOK {
					return fmt.Errorf("/healthz answers %d", code)
				}
				return nil
			})
			for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				if code := probe("/readyz"); code == http.StatusOK {
					t.Fatal("/readyz says yes before the Courses are listed")
				}
			}
			release()
			until(t, func() error {
				if code := probe("/readyz"); code != http.StatusOK {
					return fmt.Errorf("all is listed, and /readyz answers %d", code)
				}
				return nil
			})
		})
	}
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestLeaseName(t *testing.T) {
	names := map[string]bool{}
	for _, o := range []options{
		{controllers: operator.Controllers},
		{controllers: operator.Controllers, watchLabelSelector: "sharding.carrel.dev/shard=a"},
		{controllers: operator.Controllers, watchLabelSelector: "sharding.carrel.dev/shard=b"},
		{controllers: []string{reportController}},
	} {
		name := leaseName(o)
		if names[name] {
			t.Errorf("two that must both run share the lease %q", name)
		}
		names[name] = true
	}
	if want := "carrel-controller-6f4efbc6"; !names[want] {
		t.Errorf("the leases are %v, want one to be %s, as docs/performance.md computes it", names, want)
	}
}

func TestOptionsRefused(t *testing.T) {
	for name, o := range map[string]options{
		"no controllers":            {},
		"an unknown one":            {controllers: []string{"user"}},
		"the reporter with others":  {controllers: []string{"userland", "report"}},
		"a shard of the reporter":   {controllers: []string{"report"}, watchLabelSelector: "a=b"},
		"errands with others":       {controllers: []string{"userland", "errand"}},
		"errands with the reporter": {controllers: []string{"report", "errand"}},
		"a shard of the errands":    {controllers: []string{"errand"}, watchLabelSelector: "a=b"},
		"a gateway without http":    {controllers: []string{"report"}, gatewayAddress: "desk.example.org"},
		"a gateway by another way":  {controllers: []string{"report"}, gatewayAddress: "javascript:alert(1)"},
		"a gateway with a query":    {controllers: []string{"report"}, gatewayAddress: "https://desk.example.org/?a=b"},
		"a gateway of 200 letters":  {controllers: []string{"report"}, gatewayAddress: "https://" + strings.Repeat("a", 192)},
	} {
		if err := o.check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	o := options{controllers: []string{"report"}, gatewayAddress: "https://desk.example.org/carrel/"}
	if err := o.check(); err != nil {
		t.Errorf("an address of a gateway: %v", err)
	}
	if _, err := managerOptions(options{controllers: operator.Controllers, watchLabelSelector: "a in b"}); err == nil {
		t.Error("a selector that is none: taken")
	}
}
