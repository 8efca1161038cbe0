// Package operator assembles the controllers of Userlands, Templates, Courses and
// volumes, which run together and share one cache.
package operator

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/course"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/template"
	"github.com/carrel-dev/carrel/controller/userland"
	"github.com/carrel-dev/carrel/controller/volume"
)

// Controllers are the names of the controllers there are.
var Controllers = []string{"userland", "template", "course", "volume"}

// Watched are the kinds that the controllers watch. Their caches must be filled
// before anything is decided.
func Watched() []client.Object {
	return []client.Object{
		&v1alpha1.Userland{}, &v1alpha1.Template{}, &v1alpha1.Course{},
		&appsv1.Deployment{}, &appsv1.ControllerRevision{}, &corev1.Service{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{},
		&corev1.ConfigMap{}, &storagev1.StorageClass{},
	}
}

// Options say what the controllers of a process see.
type Options struct {
	// Clock tells the time.
	Clock clock.PassiveClock
	// Selector selects the Courses, Templates and Userlands of a shard; nil: all. The
	// cache of the manager must have kube.ShardCacheOptions of it.
	Selector labels.Selector
	// Watch returns the identity of the time for which controllers have run without an
	// outage, up to now. It is called only while this process leads.
	Watch func() string
	// Metrics registers the gauges of the courses while the process leads. If it is nil,
	// they are not served.
	Metrics prometheus.Registerer
}

// setups are those of the controllers. What Templates grant, Userlands use.
func setups(o Options, part kube.Shard) map[string]func(ctrl.Manager) error {
	grants := kube.NewGrants()
	return map[string]func(ctrl.Manager) error{
		"userland": func(mgr ctrl.Manager) error { return userland.SetupWithManager(mgr, grants, part, o.Clock) },
		"template": func(mgr ctrl.Manager) error { return template.SetupWithManager(mgr, grants, part, o.Clock) },
		"course":   func(mgr ctrl.Manager) error { return course.SetupWithManager(mgr, part, o.Clock) },
		"volume":   func(mgr ctrl.Manager) error { return volume.SetupWithManager(mgr, part, o.Clock, o.Watch) },
	}
}

// SetupWithManager adds the controllers named to a manager.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, o Options, names ...string) error {
	if err := kube.SetupIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	setups := setups(o, kube.Shard{Selector: o.Selector, Cached: mgr.GetClient(), Live: mgr.GetAPIReader()})
	for _, name := range names {
		setup, known := setups[name]
		if !known {
			return fmt.Errorf("there is no controller %q: choose from %v", name, Controllers)
		}
		if err := setup(mgr); err != nil {
			return fmt.Errorf("set up the %s controller: %w", name, err)
		}
	}
	if o.Metrics == nil {
		return nil
	}
	return mgr.Add(served{registry: o.Metrics, collector: classMetrics{cached: mgr.GetCache(), clock: o.Clock}})
}
