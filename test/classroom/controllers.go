package classroom

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// account is whom the controllers act as in these tests: the account they have
// in a cluster, with the rights `make generate` wrote down for it and no others.
const account = "system:serviceaccount:carrel-system:carrel-controller"

var grantOnce sync.Once

// Grant gives the account the generated rights.
func Grant(t *testing.T, c client.Client) {
	t.Helper()
	grantOnce.Do(func() {
		data, err := os.ReadFile(filepath.Join(apiserver.Root(), "kustomize", "controller", "role.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict(data, role); err != nil {
			t.Fatal(err)
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: account}},
		}
		for _, o := range []client.Object{role, binding} {
			if err := c.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Start runs all controllers for the namespace until Stop, or the end of the test.
func (w *Classroom) Start() {
	w.Helper()
	w.Requests = &Requests{}
	w.StartShard(ShardOptions{Namespaces: InNamespace(w.Namespace), Clock: &w.Clock, Watch: Watch})
}

// Watch identifies the watch of all controllers of a test: there is no outage between them.
func Watch() string { return "of the test" }

// ShardOptions say what the controllers of a shard see.
type ShardOptions struct {
	// Selector selects Courses, Templates and Userlands by label; empty: all.
	Selector string
	// Namespaces are those that the controllers see: other tests have others.
	Namespaces map[string]cache.Config
	// Resync is how often the cache has everything reconciled again; 0: as it
	// usually does.
	Resync time.Duration
	Clock  clock.PassiveClock
	// Watch identifies the watch, as operator.Options describes it.
	Watch func() string
}

// StartShard runs the controllers of a shard, as the command does, until Stop, or
// the end of the test.
func (w *Classroom) StartShard(o ShardOptions) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	mgr, err := w.newManager(ctx, o)
	if err != nil {
		w.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the controllers ended with %v", err)
		}
	})
	w.Cleanup(w.Stop)
}

func (w *Classroom) newManager(ctx context.Context, o ShardOptions) (ctrl.Manager, error) {
	selector, err := kube.ParseSelector(o.Selector)
	if err != nil {
		return nil, err
	}
	server := apiserver.Config()
	server.Impersonate.UserName = account
	server.Wrap(w.Requests.wrap)
	cached := kube.ShardCacheOptions(selector)
	cached.DefaultNamespaces = o.Namespaces
	if o.Resync != 0 {
		cached.SyncPeriod = &o.Resync
	}
	// Killed, not asked to end.
	atOnce := time.Duration(0)
	mgr, err := ctrl.NewManager(server, ctrl.Options{
		Scheme: apiserver.Scheme(), Cache: cached, Metrics: metricsserver.Options{BindAddress: "0"},
		GracefulShutdownTimeout: &atOnce, Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		return nil, err
	}
	return mgr, operator.SetupWithManager(ctx, mgr, operator.Options{Clock: o.Clock, Selector: selector, Watch: o.Watch}, operator.Controllers...)
}

// Main runs the tests of a package between starting and stopping one API server;
// call it from TestMain. It does not return.
func Main(m *testing.M) {
	// Controllers that are killed on purpose complain at length.
	ctrl.SetLogger(logr.Discard())
	apiserver.Main(m)
}
