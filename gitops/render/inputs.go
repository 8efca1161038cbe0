package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// inputs are the files that rendering a directory reads, found by following its
// kustomization.yaml and those of its bases and components.
type inputs struct {
	// dirs are the directories whose kustomization.yaml is read.
	dirs map[string]bool
	// files are all files that are read, including each kustomization.yaml.
	files map[string]bool
	// resources are the files that are read as objects.
	resources map[string]bool
	// spreads is true if a setting of one directory affects everything built
	// together with it: configurations, crds or vars.
	spreads bool
	// openAPI is true if a kustomization replaces kustomize's schema, which stays
	// replaced for the whole process.
	openAPI bool
	// hidden is true if generators, transformers or validators may read files that
	// are not known here.
	hidden bool
	// replaces is true if replacements may move objects to another namespace.
	replaces bool
}

// paths returns all files and directories that are read.
func (in *inputs) paths() []string {
	if in == nil {
		return nil
	}
	return append(slices.Collect(maps.Keys(in.files)), slices.Collect(maps.Keys(in.dirs))...)
}

// inputsOf returns the inputs of a directory. It returns an error if rendering
// would read anything outside the tree. kustomize would fetch such a file, and
// anybody may have proposed it.
func inputsOf(fs *tree.FileSystem, dir string) (*inputs, error) {
	in := newInputs()
	return in, in.local(fs, path.Clean("/"+dir))
}

func newInputs() *inputs {
	return &inputs{dirs: map[string]bool{}, files: map[string]bool{}, resources: map[string]bool{}}
}

// note records the files that a kustomization.yaml reads.
func (in *inputs) note(dir, file string, k *kustypes.Kustomization) {
	in.files[file] = true
	for _, name := range readFiles(k) {
		// A generator's entry may be key=file, but a file name may contain = too.
		_, after, _ := strings.Cut(name, "=")
		for _, one := range []string{name, after} {
			if one != "" && !strings.Contains(one, "\n") {
				in.files[path.Join(dir, one)] = true
			}
		}
	}
	for _, name := range k.Resources {
		in.resources[path.Join(dir, name)] = true
	}
	in.spreads = in.spreads || len(k.Configurations)+len(k.Crds)+len(k.Vars) > 0 //nolint:staticcheck // kustomize still reads it
	in.openAPI = in.openAPI || len(k.OpenAPI) > 0
	in.hidden = in.hidden || len(k.Generators)+len(k.Transformers)+len(k.Validators) > 0
	in.replaces = in.replaces || len(k.Replacements) > 0
}
