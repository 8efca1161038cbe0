package render

import (
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// Build renders a directory that has a kustomization.yaml.
func Build(fs *tree.FileSystem, dir string) (resmap.ResMap, error) {
	in, err := inputsOf(fs, dir)
	if err != nil {
		return nil, err
	}
	return in.build(fs, dir)
}

// InParts renders a directory with origins. It also returns the number of parts
// that were built.
func InParts(fs *tree.FileSystem, dir string) (text string, parts int, err error) {
	over, err := withOrigins(fs, dir)
	if err != nil {
		return "", 0, err
	}
	in, err := inputsOf(over, dir)
	if err != nil {
		return "", 0, err
	}
	all, err := in.rendering(over, dir)
	if err != nil {
		return "", 0, err
	}
	var texts []string
	for _, one := range all {
		data, err := one.AsYaml()
		if err != nil {
			return "", 0, err
		}
		if len(data) > 0 {
			texts = append(texts, string(data))
		}
	}
	return strings.Join(texts, "---\n"), len(all), nil
}
