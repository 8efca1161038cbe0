// Package scaffold makes the files of a new course: its class, its Templates, and
// what the cluster holds of it.
package scaffold

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gitops/edit"
)

// Course is the course to make.
type Course struct {
	// ID is its name: that of its directories and its namespace.
	ID string
	// Title is for people.
	Title string
	// Template is the directory below courses/base with the Template to build upon,
	// which bears the same name.
	Template string
	// Clusters are the directories below clusters/ that are to have it.
	Clusters []string
}

// maxID leaves room for a carrel's name in a host name: <carrel>--<course>, of
// which a derived name takes 40 of 63.
const maxID = 21

var validID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Write makes the files below the root of a repository, and lists the course in
// each cluster. If anything of it exists, or can't be, nothing is written. It
// returns the files.
func Write(root string, c Course) ([]string, error) {
	if !validID.MatchString(c.ID) || len(c.ID) > maxID {
		return nil, fmt.Errorf("no course can be called %q: use at most %d lower-case letters, digits and single dashes inside, since it becomes part of host names", c.ID, maxID)
	}
	base := filepath.Join("courses", "base", c.Template, "kustomization.yaml")
	if _, err := os.Stat(filepath.Join(root, base)); err != nil || c.Template == "" {
		return nil, fmt.Errorf("there is no %s: name one of the directories in courses/base with --template", base)
	}
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	for name := range files {
		if _, err := os.Stat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s exists already: give the course another name", name)
		}
	}
	if err := c.enlist(root, files); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
		if err := os.WriteFile(p, []byte(files[name]), 0o644); err != nil {
			return nil, fmt.Errorf("write the course: %w", err)
		}
	}
	return names, nil
}

// enlist puts the course on the list of each cluster.
func (c Course) enlist(root string, files map[string]string) error {
	for _, cluster := range c.Clusters {
		name := filepath.Join("clusters", cluster, "courses", "kustomization.yaml")
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return fmt.Errorf("cluster %q: %w: name one of the directories in clusters with --cluster", cluster, err)
		}
		if files[name], err = edit.Relist(string(text), c.ID, true); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (c Course) files() (map[string]string, error) {
	title := c.Title
	if title == "" {
		title = c.ID
	}
	quoted, err := yaml.Marshal(title)
	if err != nil {
		return nil, fmt.Errorf("write the title: %w", err)
	}
	roster, templates := filepath.Join("courses", c.ID, "roster"), filepath.Join("courses", c.ID, "templates")
	files := map[string]string{
		filepath.Join(roster, "course.yaml"): `apiVersion: carrel.dev/v1alpha1
kind: Course
metadata:
  name: ` + quoteID(c.ID) + `
spec:
  title: ` + strings.TrimSpace(string(quoted)) + `
  templateName: ` + c.Template + `
  rosters:
    - configMap: roster
`,
		filepath.Join(roster, "kustomization.yaml"): `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components:
  - ../../../kustomize/components/roster
resources:
  - course.yaml
configMapGenerator:
  - name: roster
    files:
      - roster.csv
    options:
      labels:
        carrel.dev/roster: "true"
`,
		filepath.Join(roster, "roster.csv"): "user,name,template,section,enabled\n",
		filepath.Join(templates, "kustomization.yaml"): `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../base/` + c.Template + "\n",
	}
	for _, cluster := range c.Clusters {
		directory := filepath.Join("clusters", cluster, "courses", c.ID)
		files[filepath.Join(directory, "namespace.yaml")] = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + quoteID(c.ID) + "\n"
		files[filepath.Join(directory, "kustomization.yaml")] = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - namespace.yaml
components:
  - ../../../../kustomize/components/course
`
	}
	return files, nil
}

// quoteID keeps YAML from taking a name such as 2026 or 1e3 for a number, or on
// for a truth.
func quoteID(id string) string {
	var plain any
	if err := yaml.Unmarshal([]byte(id), &plain); err != nil {
		return `"` + id + `"`
	}
	if _, text := plain.(string); text {
		return id
	}
	return `"` + id + `"`
}
