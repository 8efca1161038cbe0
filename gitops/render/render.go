// Package render finds out what Flux would apply of a commit: it renders the
// overlays of the repository straight from git, reads nothing else, and runs
// nothing.
package render

import (
	"fmt"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// building is held while kustomize builds: its caches are not safe for concurrent
// use (kubernetes-sigs/kustomize issue 3659).
var building sync.Mutex

// Build renders a directory that has a kustomization.yaml, as `kustomize build`
// does with files from anywhere in the repository allowed, which is how Flux calls
// it. Plugins, helm charts, and bases or files from elsewhere are refused.
func Build(fs *tree.FileSystem, dir string) (_ resmap.ResMap, err error) {
	if err := local(fs, dir, map[string]bool{}); err != nil {
		return nil, err
	}
	building.Lock()
	defer building.Unlock()
	defer func() {
		// It panics on some files that are no objects.
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
