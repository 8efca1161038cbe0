package operator_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/test/apiserver"
)

const shardLabel = "sharding.carrel.dev/shard"

// shardWorlds are a course for each shard, seen by both shards' processes.
func shardWorlds(t *testing.T, names ...string) map[string]*world {
	c := apiserver.Client(t)
	grant(t, c)
	t.Parallel()
	worlds, namespaces := map[string]*world{}, map[string]cache.Config{}
	for _, name := range names {
		w := &world{T: t, Client: c, namespace: apiserver.Namespace(t, c), requests: &requests{}}
		worlds[name], namespaces[w.namespace] = w, cache.Config{}
		for _, o := range []client.Object{ide(), w.course(), student("hanako")} {
			o.SetLabels(map[string]string{shardLabel: name})
			w.make(o)
		}
	}
	for name, w := range worlds {
		w.startShard(shardOptions{selector: shardLabel + "=" + name, namespaces: namespaces, clock: &w.clock})
	}
	return worlds
}

// shardOptions say what the controllers of a shard see.
type shardOptions struct {
	selector   string
	namespaces map[string]cache.Config
	// resync is how often the cache has everything looked at again; 0: as it
	// usually does.
	resync time.Duration
	clock  clock.PassiveClock
}

// startShard runs the controllers until the end of the test.
func (w *world) startShard(o shardOptions) {
	w.Helper()
	selector, err := kube.ParseSelector(o.selector)
	if err != nil {
		w.Fatal(err)
	}
	restConfig := apiserver.Config()
	restConfig.Impersonate.UserName = account
	restConfig.Wrap(w.requests.wrap)
	atOnce := time.Duration(0)
	options := kube.ShardCacheOptions(selector)
	options.DefaultNamespaces = o.namespaces
	if o.resync != 0 {
		options.SyncPeriod = &o.resync
	}
	ctx, cancel := context.WithCancel(context.Background())
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme: apiserver.Scheme(), Cache: options, Metrics: metricsserver.Options{BindAddress: "0"},
		GracefulShutdownTimeout: &atOnce, Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		w.Fatal(err)
	}
	if err := operator.SetupShard(ctx, mgr, o.clock, selector, operator.Controllers...); err != nil {
		w.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the controllers of shard %q ended with %v", o.selector, err)
		}
	})
}

// lookedAt waits until the carrel of the course's student has been looked at.
func (w *world) lookedAt() {
	w.Helper()
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "hanako"); u.Status.State == "" {
			return fmt.Errorf("the Userland of %s has no status", w.namespace)
		}
		return nil
	})
}

// kept says until when the student's volume is kept; empty if it is in use.
func (w *world) kept() string {
	return get[corev1.PersistentVolumeClaim](w, "hanako--home").Labels[v1alpha1.KeepUntilLabel]
}

// writesOutside are the writes of the world's shard to other courses.
func (w *world) writesOutside() []string {
	return slices.DeleteFunc(w.requests.writes(), func(made string) bool { return strings.Contains(made, "/"+w.namespace+"/") })
}

// Two shards see to a course each, and leave the other's alone: its students, and
// the volumes of those that are gone.
func TestShardsKeepToTheirCourses(t *testing.T) {
	worlds := shardWorlds(t, "a", "b")
	for _, w := range worlds {
		w.lookedAt()
	}
	worlds["a"].drop("hanako")
	worlds["a"].until(func() error {
		if worlds["a"].kept() == "" {
			return fmt.Errorf("the volume of a student who is gone is not labelled")
		}
		return nil
	})
	for name, w := range worlds {
		w.settled()
		if outside := w.writesOutside(); len(outside) > 0 {
			t.Errorf("shard %s wrote to another's course: %v", name, outside)
		}
	}
	if until := worlds["b"].kept(); until != "" {
		t.Errorf("the volume of a student in another shard is given up: kept until %s", until)
	}
}

// A Userland that is given another shard's label is out of sight, not gone.
func TestShardsDoNotGiveUpWhatMoves(t *testing.T) {
	b := shardWorlds(t, "a", "b")["b"]
	b.lookedAt()
	b.settled()
	change(b, "hanako", func(u *v1alpha1.Userland) { u.Labels[shardLabel] = "a" })
	asked := "GET /apis/carrel.dev/v1alpha1/namespaces/" + b.namespace + "/userlands/hanako"
	b.until(func() error {
		if !slices.Contains(b.requests.all(), asked) {
			return fmt.Errorf("shard b has not asked whether the Userland is gone: %v", tail(b.requests.all(), 5))
		}
		return nil
	})
	b.settled()
	if until := b.kept(); until != "" {
		t.Errorf("the volume of a student who was moved to another shard is given up: kept until %s", until)
	}
}
