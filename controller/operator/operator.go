// Package operator assembles the controllers of Userlands, Templates and
// Courses, which run together and share one cache.
package operator

import (
	"context"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/controller/course"
	"github.com/carrel-dev/carrel/controller/rollout"
	"github.com/carrel-dev/carrel/controller/shard"
	"github.com/carrel-dev/carrel/controller/template"
	"github.com/carrel-dev/carrel/controller/userland"
)

// Controllers are the names of the controllers there are.
var Controllers = []string{"userland", "template", "course"}

// setups are those of the controllers. What Templates grant, Userlands use.
func setups(grants *rollout.Grants, part shard.Shard, clock clock.PassiveClock) map[string]func(ctrl.Manager) error {
	return map[string]func(ctrl.Manager) error{
		"userland": func(mgr ctrl.Manager) error { return userland.SetupWithManager(mgr, grants, part, clock) },
		"template": func(mgr ctrl.Manager) error { return template.SetupWithManager(mgr, grants, part, clock) },
		"course":   func(mgr ctrl.Manager) error { return course.SetupWithManager(mgr, clock) },
	}
}

// SetupWithManager adds the controllers named to a manager whose cache has
// CacheOptions. They take the time from the clock.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, clock clock.PassiveClock, names ...string) error {
	return SetupShard(ctx, mgr, clock, labels.Everything(), names...)
}
