// Package operator assembles the controllers of Userlands, Templates and
// Courses, which run together and share one cache.
package operator

import (
	"context"
	"fmt"

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
)

// Controllers are the names of the controllers there are.
var Controllers = []string{"userland", "template", "course"}

// Watched are the kinds that the controllers watch. Their caches must be filled
// before anything is decided.
func Watched() []client.Object {
	return []client.Object{
		&v1alpha1.Userland{}, &v1alpha1.Template{}, &v1alpha1.Course{},
		&appsv1.Deployment{}, &appsv1.ControllerRevision{}, &corev1.Service{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{},
		&corev1.ConfigMap{}, &storagev1.StorageClass{},
	}
}

// setups are those of the controllers. What Templates grant, Userlands use.
func setups(grants *kube.Grants, part kube.Shard, clock clock.PassiveClock) map[string]func(ctrl.Manager) error {
	return map[string]func(ctrl.Manager) error{
		"userland": func(mgr ctrl.Manager) error { return userland.SetupWithManager(mgr, grants, part, clock) },
		"template": func(mgr ctrl.Manager) error { return template.SetupWithManager(mgr, grants, part, clock) },
		"course":   func(mgr ctrl.Manager) error { return course.SetupWithManager(mgr, part, clock) },
	}
}

// SetupWithManager adds the controllers named to a manager whose cache has
// kube.CacheOptions. They take the time from the clock.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, clock clock.PassiveClock, names ...string) error {
	return SetupShard(ctx, mgr, clock, labels.Everything(), names...)
}

// SetupShard is SetupWithManager for a manager whose cache has the
// kube.ShardCacheOptions of the selector.
func SetupShard(ctx context.Context, mgr ctrl.Manager, clock clock.PassiveClock, selector labels.Selector, names ...string) error {
	if err := kube.SetupIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	part := kube.Shard{Selector: selector, Cached: mgr.GetClient(), Live: mgr.GetAPIReader()}
	setups := setups(kube.NewGrants(), part, clock)
	for _, name := range names {
		setup, known := setups[name]
		if !known {
			return fmt.Errorf("there is no controller %q: choose from %v", name, Controllers)
		}
		if err := setup(mgr); err != nil {
			return fmt.Errorf("set up the %s controller: %w", name, err)
		}
	}
	return nil
}
