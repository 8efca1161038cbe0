// Package scaffold creates the files of a new course: its class, its Templates, and
// its part of the cluster.
package scaffold

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/edit"
)

// Options describe the course to create.
type Options struct {
	// ID is the name of the course, of its directories and of its namespace.
	ID string
	// Title is the display name. Empty means ID.
	Title string
	// Template is the directory below courses/base that contains the Template of
	// the same name.
	Template string
	// Clusters are the directories below clusters/ to which the course is added.
	Clusters []string
	// Staff is the group that sees the board and helps. Empty means <ID>-staff.
	Staff string
	// Students is the number of students for which the quota has room. 0 means
	// usualClass.
	Students int
}

// usualClass is the number of students for which the component course has figures.
const usualClass = 40

// maxID is the maximum length of an ID. Host names have the form <carrel>--<course>
// and at most 63 characters, of which a derived carrel name takes 40.
const maxID = 21

var validID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Write creates the course's files below root, adds the course to each cluster, and
// returns the written files. If one of the files exists, or a cluster is missing,
// Write writes nothing.
func Write(root string, o Options) ([]string, error) {
	if !validID.MatchString(o.ID) || len(o.ID) > maxID {
		return nil, fmt.Errorf("no course can be called %q: use at most %d lower-case letters, digits and single dashes inside, since it becomes part of host names", o.ID, maxID)
	}
	base := filepath.Join("courses", "base", o.Template, "kustomization.yaml")
	if _, err := os.Stat(filepath.Join(root, base)); err != nil || o.Template == "" {
		return nil, fmt.Errorf("there is no %s: name one of the directories in courses/base with --template", base)
	}
	files, err := o.files()
	if err != nil {
		return nil, err
	}
	for name := range files {
		if _, err := os.Stat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s exists already: give the course another name", name)
		}
	}
	if err := o.enlist(root, files); err != nil {
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

// enlist adds the course to the resources of each cluster.
func (o Options) enlist(root string, files map[string]string) error {
	for _, cluster := range o.Clusters {
		name := filepath.Join("clusters", cluster, "courses", "kustomization.yaml")
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return fmt.Errorf("cluster %q: %w: name one of the directories in clusters with --cluster", cluster, err)
		}
		if files[name], err = edit.Relist(string(text), o.ID, true); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (o Options) files() (map[string]string, error) {
	title := o.Title
	if title == "" {
		title = o.ID
	}
	quoted, err := yaml.Marshal(title)
	if err != nil {
		return nil, fmt.Errorf("write the title: %w", err)
	}
	directory, templates := filepath.Join("courses", o.ID, "roster"), filepath.Join("courses", o.ID, "templates")
	files := map[string]string{
		filepath.Join(directory, "course.yaml"): `apiVersion: carrel.dev/v1alpha1
kind: Course
metadata:
  name: ` + quoteID(o.ID) + `
spec:
  title: ` + strings.TrimSpace(string(quoted)) + `
  templateName: ` + o.Template + `
  rosters:
    - configMap: roster
`,
		filepath.Join(directory, "kustomization.yaml"): `apiVersion: kustomize.config.k8s.io/v1beta1
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
		filepath.Join(directory, "roster.csv"): strings.Join(roster.ColumnNames(), ",") + "\n",
		filepath.Join(templates, "kustomization.yaml"): `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../base/` + o.Template + `
patches:
  # Nobody's carrel runs for longer than this without its user. It starts again when the
  # user comes.
  - target:
      kind: Template
    patch: |
      - op: add
        path: /spec/idle
        value:
          after: 30m
`,
	}
	for _, cluster := range o.Clusters {
		o.addCluster(files, cluster)
	}
	return files, nil
}

// addCluster adds the files by which a cluster holds the course.
func (o Options) addCluster(files map[string]string, cluster string) {
	directory := filepath.Join("clusters", cluster, "courses", o.ID)
	files[filepath.Join(directory, "namespace.yaml")] = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + quoteID(o.ID) + "\n"
	files[filepath.Join(directory, "kustomization.yaml")] = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - namespace.yaml
  - staff.yaml
components:
  - ../../../../kustomize/components/course
` + o.quota()
	files[filepath.Join(directory, "staff.yaml")] = `# Who sees the board of the class, opens carrels to help, and restarts them. The name is
# that of a group as the gateway knows it (docs/login.md).
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: staff
  namespace: ` + quoteID(o.ID) + `
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: carrel-staff
subjects:
  - apiGroup: rbac.authorization.k8s.io
    kind: Group
    name: ` + quoteID(cmp.Or(o.Staff, o.ID+"-staff")) + "\n"
}

// quota returns the patch that makes the quota of the component course fit the class. The
// figures grow in proportion, and never fall below those of a usual class.
func (o Options) quota() string {
	students := max(o.Students, usualClass)
	text := fmt.Sprintf(`patches:
  # For %d students. Volumes outlive their students, so there is room for several terms'.
  - target:
      kind: ResourceQuota
      name: course
    patch: |
`, students)
	for _, part := range []struct {
		path, unit string
		usual      int
	}{
		{"pods", "", 60}, {"requests.cpu", "", 4}, {"requests.memory", "Gi", 16}, {"persistentvolumeclaims", "", 150}, {"requests.storage", "Gi", 300}, {"services", "", 100},
	} {
		needed := (part.usual*students + usualClass - 1) / usualClass
		text += fmt.Sprintf("      - op: replace\n        path: /spec/hard/%s\n        value: \"%d%s\"\n", part.path, needed, part.unit)
	}
	return text
}

// quoteID quotes a name such as 2026, 1e3 or on, which YAML would not read as a
// string.
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
