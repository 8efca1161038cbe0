package operator

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/rollout"
	"github.com/carrel-dev/carrel/controller/shard"
)

// ParseSelector reads a selector of a shard, written as kubectl's --selector.
// Empty selects everything.
func ParseSelector(text string) (labels.Selector, error) {
	selector, err := labels.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read label selector %q: %w", text, err)
	}
	return selector, nil
}

// ShardCacheOptions are CacheOptions for the shard that a selector selects: of
// Courses, Templates and Userlands the cache has no others. What carrels are
// made of bears no shard's label, since a label of the pod template would restart
// everybody.
func ShardCacheOptions(selector labels.Selector) cache.Options {
	options := CacheOptions()
	if selector.Empty() {
		return options
	}
	for _, kind := range []client.Object{&v1alpha1.Course{}, &v1alpha1.Template{}, &v1alpha1.Userland{}} {
		options.ByObject[kind] = cache.ByObject{Label: selector}
	}
	return options
}

// SetupShard is SetupWithManager for a manager whose cache has the
// ShardCacheOptions of the selector.
func SetupShard(ctx context.Context, mgr ctrl.Manager, clock clock.PassiveClock, selector labels.Selector, names ...string) error {
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	part := shard.Shard{Selector: selector, Cached: mgr.GetClient(), Live: mgr.GetAPIReader()}
	setups := setups(rollout.NewGrants(), part, clock)
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
