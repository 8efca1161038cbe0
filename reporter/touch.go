package reporter

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Paths are the parts of a repository that make a course.
type Paths struct {
	// Deep are directories that count with everything below them, Flat those that count
	// with their own files only.
	Deep, Flat []string
	// Files are single files.
	Files []string
}

// touched reports whether one of the files is part of the course.
func (p Paths) touched(files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		if slices.Contains(p.Files, file) || slices.Contains(p.Flat, parent(file)) {
			return true
		}
		return slices.ContainsFunc(p.Deep, func(dir string) bool {
			return dir == "" || file == dir || strings.HasPrefix(file, dir+"/")
		})
	})
}

// parent returns the directory of a file; empty for the root of the repository.
func parent(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir
	}
	return ""
}

// outsideOf returns the paths outside its own directory that a kustomization.yaml names:
// bases, components, resources and patches. It returns nothing for a file that it can't
// parse, which Flux then refuses anyway.
func outsideOf(dir string, content []byte) []string {
	var parsed any
	if err := yaml.Unmarshal(content, &parsed); err != nil {
		return nil
	}
	var found []string
	for _, text := range stringsIn(parsed) {
		if named := path.Join(dir, text); strings.HasPrefix(text, "../") && !strings.HasPrefix(named, "..") {
			found = append(found, named)
		}
	}
	return found
}

// stringsIn returns all strings in lists and maps of a document.
func stringsIn(value any) (found []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, item := range value {
			found = append(found, stringsIn(item)...)
		}
	case map[string]any:
		for _, item := range value {
			found = append(found, stringsIn(item)...)
		}
	}
	slices.Sort(found)
	return found
}
