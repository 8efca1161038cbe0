package report

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// New makes a manager that runs the reporter alone. Scheme and cache of its
// options are set here. It does not start.
func New(config *rest.Config, manager ctrl.Options, options Options) (ctrl.Manager, error) {
	manager.Scheme = runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, AddToScheme} {
		if err := add(manager.Scheme); err != nil {
			return nil, fmt.Errorf("register the kinds: %w", err)
		}
	}
	manager.Cache = cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
	mgr, err := ctrl.NewManager(config, manager)
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	return mgr, SetupWithManager(mgr, options)
}
