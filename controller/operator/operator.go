// Package operator assembles the controllers of Userlands, Templates and
// Courses, which run together and share one cache.
package operator

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/controller/course"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/template"
	"github.com/carrel-dev/carrel/controller/userland"
)

// Controllers are the names of the controllers there are.
var Controllers = []string{"userland", "template", "course"}

var setups = map[string]func(ctrl.Manager) error{
	"userland": userland.SetupWithManager,
	"template": template.SetupWithManager,
	"course":   course.SetupWithManager,
}

// SetupWithManager adds the controllers named to a manager whose cache has
// CacheOptions.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, names ...string) error {
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
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
