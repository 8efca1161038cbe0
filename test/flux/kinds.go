// Package flux replaces Flux in tests that need an API server but no running
// cluster. It provides Flux's kinds, and renders what kustomize-controller would
// apply with kustomize-controller's own code.
package flux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// controllers lists the modules with the kinds that Carrel reads or that apply
// Carrel. Each has its Go types in a separate module, <module>/api, of the same
// version.
var controllers = []string{
	"github.com/fluxcd/kustomize-controller",
	"github.com/fluxcd/notification-controller",
	"github.com/fluxcd/source-controller",
}

// AddToScheme registers Flux's kinds.
func AddToScheme(scheme *runtime.Scheme) error {
	return errors.Join(
		kustomizev1.AddToScheme(scheme),
		notificationv1.AddToScheme(scheme),
		sourcev1.AddToScheme(scheme),
	)
}

// Main runs the tests of a package with an API server that has Flux's kinds besides
// Carrel's, and the CRDs of moreCRDs. Call it from TestMain. Main does not return.
func Main(m *testing.M, moreCRDs ...string) {
	crds, err := CRDs(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	apiserver.Main(m, append(crds, moreCRDs...)...)
}

// CRDs returns the directories with the CRDs of Flux's kinds, of the version whose
// Go types go.mod requires. They lie in the module cache; missing modules are
// downloaded.
func CRDs(ctx context.Context) ([]string, error) {
	var dirs []string
	for _, controller := range controllers {
		version, err := goCommand(ctx, "list", "-m", "-f", "{{.Version}}", controller+"/api")
		if err != nil {
			return nil, err
		}
		out, err := goCommand(ctx, "mod", "download", "-json", controller+"@"+strings.TrimSpace(version))
		if err != nil {
			return nil, err
		}
		var module struct{ Dir string }
		if err := json.Unmarshal([]byte(out), &module); err != nil {
			return nil, fmt.Errorf("read what `go mod download` says of %s: %w", controller, err)
		}
		dirs = append(dirs, filepath.Join(module.Dir, "config", "crd", "bases"))
	}
	return dirs, nil
}

func goCommand(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
