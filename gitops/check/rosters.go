package check

import (
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/core/roster"
)

// readRosters reads the rosters of all courses in parallel.
func (s *subject) readRosters() {
	names := s.names()
	read := make([]roster.Roster, len(names))
	concurrently(len(names), func(i int) { read[i] = s.readRoster(names[i]) })
	for i, name := range names {
		s.rosters[name] = read[i]
	}
}

// rows returns the roster of a course. Its file names are paths in the repository.
func (s *subject) rows(course string) roster.Roster { return s.rosters[course] }

func (s *subject) readRoster(course string) roster.Roster {
	var files []roster.File
	for _, source := range s.classes[course].Course.Spec.Rosters {
		o := s.find("ConfigMap", course, source.ConfigMap)
		if o == nil || o.GetLabels()["carrel.dev/roster"] != "true" {
			continue // the rule roster-missing reports it
		}
		files = append(files, s.files(o)...)
	}
	return roster.Read(files...)
}

func (s *subject) files(o *object) (files []roster.File) {
	configMap := &corev1.ConfigMap{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, configMap) != nil {
		return nil // the rule schema reports it
	}
	all := map[string][]byte{}
	maps.Copy(all, configMap.BinaryData)
	for name, text := range configMap.Data {
		all[name] = []byte(text)
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		files = append(files, roster.File{Name: s.sourceOf(o, key), Data: all[key]})
	}
	return files
}

// sourceOf returns the file from which kustomize generated a key of a ConfigMap. It
// returns the file of the object if the key was not generated.
func (s *subject) sourceOf(o *object, key string) string {
	if !o.origin.Generated {
		return o.origin.File
	}
	data, err := s.tree.ReadFile(o.origin.File)
	if err != nil {
		return o.origin.File
	}
	k := &kustypes.Kustomization{}
	if yaml.Unmarshal(data, k) != nil {
		return o.origin.File
	}
	for _, generator := range k.ConfigMapGenerator {
		if !strings.Contains(o.GetName(), generator.Name) {
			continue
		}
		for _, file := range generator.FileSources {
			name, from, named := strings.Cut(file, "=")
			if !named {
				name, from = path.Base(file), file
			}
			if name == key {
				return path.Join(path.Dir(o.origin.File), from)
			}
		}
	}
	return o.origin.File
}
