// Package operator assembles the controllers of Userlands, Templates and
// Courses into one manager.
package operator

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/course"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/template"
	"github.com/carrel-dev/carrel/controller/userland"
)

// Names of the controllers, as --controllers takes them.
const (
	Userland = "userland"
	Template = "template"
	Course   = "course"
)

// All are the controllers that run unless others are asked for.
var All = []string{Userland, Template, Course}

var setups = map[string]func(ctrl.Manager) error{
	Userland: userland.SetupWithManager,
	Template: template.SetupWithManager,
	Course:   course.SetupWithManager,
}

// New makes a manager that runs the named controllers. Scheme and cache of the
// options are set here. It does not start.
func New(ctx context.Context, config *rest.Config, options ctrl.Options, names ...string) (ctrl.Manager, error) {
	options.Scheme = runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(options.Scheme); err != nil {
			return nil, fmt.Errorf("register the kinds: %w", err)
		}
	}
	options.Cache = cacheOptions()
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	for _, name := range names {
		setup, known := setups[name]
		if !known {
			return nil, fmt.Errorf("there is no controller %q: choose from %v", name, All)
		}
		if err := setup(mgr); err != nil {
			return nil, fmt.Errorf("set up the %s controller: %w", name, err)
		}
	}
	return mgr, nil
}
