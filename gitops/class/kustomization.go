package class

import (
	"regexp"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// kustomization holds the fields of a kustomization that decide which students a
// class has.
type kustomization struct {
	Resources          []string    `yaml:"resources"`
	Bases              []string    `yaml:"bases"`
	Components         []string    `yaml:"components"`
	ConfigMapGenerator []generator `yaml:"configMapGenerator"`
	Patches            []struct {
		Path string `yaml:"path"`
	} `yaml:"patches"`
	StrategicMerge []string `yaml:"patchesStrategicMerge"`
	JSON6902       []any    `yaml:"patchesJson6902"`
	Replacements   []any    `yaml:"replacements"`
	Transformers   []string `yaml:"transformers"`
	NamePrefix     string   `yaml:"namePrefix"`
	NameSuffix     string   `yaml:"nameSuffix"`

	file, problem string
}

type generator struct {
	Name     string   `yaml:"name"`
	Behavior string   `yaml:"behavior"`
	Files    []string `yaml:"files"`
}

// patches reports whether the kustomization changes the resources it selects.
func (k *kustomization) patches() bool {
	return len(k.Patches)+len(k.StrategicMerge)+len(k.JSON6902)+len(k.Replacements)+len(k.Transformers) > 0 || k.NamePrefix+k.NameSuffix != ""
}

// paths returns the paths to which the kustomization refers.
func (k *kustomization) paths() []string {
	all := slices.Concat(k.Resources, k.Bases, k.Components)
	for _, g := range k.ConfigMapGenerator {
		for _, source := range g.Files {
			_, file := keyAndFile(source)
			all = append(all, file)
		}
	}
	for _, p := range k.Patches {
		if p.Path != "" {
			all = append(all, p.Path)
		}
	}
	return all
}

// remote matches resources that kustomize would fetch from another host.
var remote = regexp.MustCompile(`^([a-z+]+::)?[a-z+]+://|^[^/]+@[^/]+:|^(github\.com|gitlab\.com|bitbucket\.org)/`)

func isRemote(name string) bool { return remote.MatchString(name) }

// kustomizationIn returns the kustomization of a directory, or nil if it has none,
// and all entries of the directory.
func (r *Reader) kustomizationIn(directory plumbing.Hash) (*kustomization, []tree.Entry, error) {
	all, err := r.objects.List(directory)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all, func(e tree.Entry) bool {
		return e.Plain && !e.Tree && slices.Contains(konfig.RecognizedKustomizationFileNames(), e.Name)
	})
	if i < 0 {
		return nil, all, nil
	}
	if known := r.kustomizations[all[i].Hash]; known != nil {
		return known, all, nil
	}
	content, err := r.objects.Read(plumbing.BlobObject, all[i].Hash)
	if err != nil {
		return nil, nil, err
	}
	k := &kustomization{file: all[i].Name}
	if err := yaml.Unmarshal(content, k); err != nil {
		k.problem = err.Error()
	}
	r.kustomizations[all[i].Hash] = k
	return k, all, nil
}
