package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// inputs are what a directory's rendering is made of, as its kustomization.yaml and
// those of its bases and components say.
type inputs struct {
	// dirs are those that have a kustomization.yaml which is read.
	dirs map[string]bool
	// files are all that are read, each kustomization.yaml too; also by the names
	// that links have.
	files map[string]bool
	// spreads is set where something reaches beyond the directory that has it, to
	// all that is built together: configurations, crds, vars.
	spreads bool
	// openAPI is set where kustomize is told of another schema, which it keeps.
	openAPI bool
	// hidden is set where generators, transformers or validators may read files
	// that only they know of.
	hidden bool
	// replaces is set where replacements may move objects to another namespace.
	replaces bool
}

// paths are all that is read.
func (in *inputs) paths() []string {
	if in == nil {
		return nil
	}
	return append(slices.Collect(maps.Keys(in.files)), slices.Collect(maps.Keys(in.dirs))...)
}

// inputsOf follows a directory. It fails where the rendering would read anything
// but the tree: kustomize itself would fetch what it does not find there, and
// anybody may have proposed it.
func inputsOf(fs *tree.FileSystem, dir string) (*inputs, error) {
	in := newInputs()
	return in, in.local(fs, path.Clean("/"+dir))
}

func newInputs() *inputs { return &inputs{dirs: map[string]bool{}, files: map[string]bool{}} }

// note remembers what a kustomization.yaml reads.
func (in *inputs) note(dir, file string, k *kustypes.Kustomization) {
	in.files[file] = true
	for _, name := range readFiles(k) {
		// A generator's may be key=file, and a file's own name may have the sign.
		_, after, _ := strings.Cut(name, "=")
		for _, one := range []string{name, after} {
			if one != "" && !strings.Contains(one, "\n") {
				in.files[path.Join(dir, one)] = true
			}
		}
	}
	in.spreads = in.spreads || len(k.Configurations)+len(k.Crds)+len(k.Vars) > 0 //nolint:staticcheck // kustomize still reads it
	in.openAPI = in.openAPI || len(k.OpenAPI) > 0
	in.hidden = in.hidden || len(k.Generators)+len(k.Transformers)+len(k.Validators) > 0
	in.replaces = in.replaces || len(k.Replacements) > 0
}
