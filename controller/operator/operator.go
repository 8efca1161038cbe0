// Package operator assembles the controllers of Userlands, Templates and
// Courses, which run together and share one cache.
package operator

import (
	"context"
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/controller/course"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/rollout"
	"github.com/carrel-dev/carrel/controller/template"
	"github.com/carrel-dev/carrel/controller/userland"
)

// Controllers are the names of the controllers there are.
var Controllers = []string{"userland", "template", "course"}

// setups are those of the controllers. What Templates grant, Userlands use.
func setups(grants *rollout.Grants, clock clock.PassiveClock) map[string]func(ctrl.Manager) error {
	return map[string]func(ctrl.Manager) error{
		"userland": func(mgr ctrl.Manager) error { return userland.SetupWithManager(mgr, grants, clock) },
		"template": func(mgr ctrl.Manager) error { return template.SetupWithManager(mgr, grants, clock) },
		"course":   func(mgr ctrl.Manager) error { return course.SetupWithManager(mgr, clock) },
	}
}

// SetupWithManager adds the controllers named to a manager whose cache has
// CacheOptions. They take the time from the clock.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, clock clock.PassiveClock, names ...string) error {
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	setups := setups(rollout.NewGrants(), clock)
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
