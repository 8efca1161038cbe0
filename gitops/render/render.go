// Package render finds out what Flux would apply of a commit: it renders the
// overlays of the repository straight from git, reads nothing else, and runs
// nothing.
package render

import (
	"fmt"
	"sync"
	"sync/atomic"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// building guards what kustomize keeps for the whole process: the schema that
// `openapi:` replaces (kubernetes-sigs/kustomize issues 3659 and 4824). Builds that
// leave it alone only read it, once it is there, and may go on side by side.
var building sync.RWMutex

// schema reads the schema that kustomize has built in, before several builds go on
// at a time. A single one reads it only when it needs it, and then in its middle and
// regardless of others.
var schema = sync.OnceFunc(func() {
	building.Lock()
	defer building.Unlock()
	openapi.Schema()
	shared.Store(true)
})

// shared is set once builds may go on side by side.
var shared atomic.Bool

// build renders a directory that has a kustomization.yaml, as `kustomize build` does
// with files from anywhere in the repository allowed, which is how Flux calls it.
// Plugins, helm charts, and bases or files from elsewhere are refused. It is safe for
// concurrent use.
func (in *inputs) build(fs *tree.FileSystem, dir string) (_ resmap.ResMap, err error) {
	defer in.hold()()
	defer func() {
		// It panics on some files that are no objects.
		if r := recover(); r != nil {
			err = fmt.Errorf("build %s: %v", dir, r)
		}
	}()
	options := &krusty.Options{LoadRestrictions: kustypes.LoadRestrictionsNone, PluginConfig: kustypes.DisabledPluginConfig()}
	rendered, err := krusty.MakeKustomizer(options).Run(guarded{fs}, dir)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", dir, err)
	}
	return rendered, nil
}

// hold keeps builds from others that they would disturb. A schema of their own is
// forgotten afterwards: kustomize itself runs once and need not.
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
