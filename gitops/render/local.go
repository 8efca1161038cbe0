package render

import (
	"fmt"
	"path"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// local returns an error if building a directory would read anything outside the
// tree.
func (in *inputs) local(fs *tree.FileSystem, dir string) error {
	if in.dirs[dir] {
		return nil
	}
	file, k, err := kustomization(fs, dir)
	if err != nil {
		return err
	}
	if k == nil {
		return fmt.Errorf("%s has no kustomization.yaml", dir)
	}
	return in.from(fs, dir, file, k)
}

// from is like local for a directory whose kustomization.yaml is already read.
func (in *inputs) from(fs *tree.FileSystem, dir, file string, k *kustypes.Kustomization) error {
	in.dirs[dir] = true
	if len(k.HelmCharts)+len(k.HelmChartInflationGenerator) > 0 {
		return fmt.Errorf("%s: helm charts are not rendered: write down what they make", file)
	}
	for _, name := range readFiles(k) {
		if strings.Contains(name, "://") {
			return fmt.Errorf("%s: %s is elsewhere, and remote files are refused: copy it into the repository", file, name)
		}
	}
	in.note(dir, file, k)
	for _, name := range directories(k) {
		if err := in.entry(fs, file, dir, name); err != nil {
			return err
		}
	}
	return nil
}

// entry follows an entry that is a file or a directory with a kustomization.yaml.
func (in *inputs) entry(fs *tree.FileSystem, file, dir, name string) error {
	if strings.HasPrefix(strings.TrimSpace(name), "{") || strings.Contains(name, "\n") {
		return nil // written inline
	}
	child := path.Join(dir, name)
	confirmed, base, err := fs.CleanedAbs(child)
	if err != nil {
		return fmt.Errorf("%s: %s is not in the repository (remote bases are refused): %w", file, name, err)
	}
	if base != "" {
		return nil
	}
	return in.local(fs, string(confirmed))
}

// parsed holds kustomizations by their text. Those of components are read for each course.
var parsed sync.Map

func parse(data []byte) (*kustypes.Kustomization, error) {
	if known, found := parsed.Load(string(data)); found {
		return known.(*kustypes.Kustomization), nil
	}
	k := &kustypes.Kustomization{}
	err := yaml.Unmarshal(data, k)
	if err == nil {
		parsed.Store(string(data), k)
	}
	return k, err
}

// kustomization reads the kustomization.yaml of a directory. k is nil if there is
// none. The caller must not change it.
func kustomization(fs *tree.FileSystem, dir string) (file string, k *kustypes.Kustomization, err error) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		if !fs.Exists(file) || fs.IsDir(file) {
			continue
		}
		data, err := guarded{fs}.ReadFile(file)
		if err != nil {
			return file, nil, err
		}
		if k, err = parse(data); err != nil {
			return file, nil, fmt.Errorf("%s: %w", file, err)
		}
		return file, k, nil
	}
	return "", nil, nil
}

// directories returns the entries that may be directories.
func directories(k *kustypes.Kustomization) []string {
	all := append([]string{}, k.Resources...)
	all = append(all, k.Components...)
	all = append(all, k.Bases...) //nolint:staticcheck // kustomize still reads it
	all = append(all, k.Generators...)
	all = append(all, k.Transformers...)
	return append(all, k.Validators...)
}

// readFiles returns all entries that kustomize reads as files.
func readFiles(k *kustypes.Kustomization) []string {
	all := append(directories(k), k.Crds...)
	all = append(all, k.Configurations...)
	for _, patch := range k.Patches {
		all = append(all, patch.Path)
	}
	for _, patch := range k.PatchesJson6902 { //nolint:staticcheck // kustomize still reads it
		all = append(all, patch.Path)
	}
	for _, patch := range k.PatchesStrategicMerge { //nolint:staticcheck // kustomize still reads it
		if !strings.Contains(string(patch), "\n") {
			all = append(all, string(patch))
		}
	}
	for _, replacement := range k.Replacements {
		all = append(all, replacement.Path)
	}
	for _, generator := range k.ConfigMapGenerator {
		all = append(all, sources(generator.KvPairSources)...)
	}
	for _, generator := range k.SecretGenerator {
		all = append(all, sources(generator.KvPairSources)...)
	}
	for _, name := range k.OpenAPI {
		all = append(all, name)
	}
	return all
}

// sources returns the file entries of a generator. They may have the form key=file.
func sources(s kustypes.KvPairSources) []string {
	all := append([]string{s.EnvSource}, s.EnvSources...)
	return append(all, s.FileSources...)
}
