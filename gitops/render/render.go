// Package render computes what Flux would apply from a commit. It renders the
// overlays of the repository straight from git, reads nothing else, and runs no
// programs.
package render

import (
	"fmt"
	"sync"
	"sync/atomic"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// building guards kustomize's process-wide state: the schema that `openapi:`
// replaces (kubernetes-sigs/kustomize issues 3659 and 4824). Builds that do not
// replace the schema only read it once it is loaded, so they may run in parallel.
var building sync.RWMutex

// schema loads kustomize's built-in schema before builds run in parallel. A single
// build loads it only when needed, in its middle and without a lock.
var schema = sync.OnceFunc(func() {
	building.Lock()
	defer building.Unlock()
	openapi.Schema()
	shared.Store(true)
})

// shared is true once builds may run in parallel.
var shared atomic.Bool

// build renders a directory with a kustomization.yaml. It works like `kustomize
// build` with files from anywhere in the repository allowed, which is how Flux
// calls it. It refuses plugins, helm charts, and bases or files outside the
// repository. It is safe for concurrent use.
func (in *inputs) build(fs *tree.FileSystem, dir string) (resmap.ResMap, error) {
	return in.buildFrom(guarded{fs}, dir)
}

func (in *inputs) buildFrom(fs filesys.FileSystem, dir string) (_ resmap.ResMap, err error) {
	defer in.hold()()
	defer func() {
		// kustomize panics on some files that are not objects.
		if r := recover(); r != nil {
			err = fmt.Errorf("build %s: %v", dir, r)
		}
	}()
	options := &krusty.Options{LoadRestrictions: kustypes.LoadRestrictionsNone, PluginConfig: kustypes.DisabledPluginConfig()}
	rendered, err := krusty.MakeKustomizer(options).Run(fs, dir)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	return rendered, nil
}

// hold locks out builds that this one would disturb. It resets a replaced schema on
// release; kustomize itself does not, because it runs only once.
func (in *inputs) hold() (release func()) {
	switch {
	case in.openAPI:
		building.Lock()
		openapi.ResetOpenAPI()
		return func() {
			openapi.ResetOpenAPI()
			openapi.Schema()
			building.Unlock()
		}
	case !shared.Load():
		building.Lock()
		return building.Unlock
	default:
		building.RLock()
		return building.RUnlock
	}
}
