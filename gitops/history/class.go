package history

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/carrel-dev/carrel/core/roster"
)

// Declaration is one carrel of one person as git declares it.
type Declaration struct {
	// User is the login of the person.
	User string `json:"user"`
	// Userland is the carrel's name in the cluster.
	Userland string `json:"userland"`
	// Name is the person's display name. It may be empty.
	Name string `json:"name,omitempty"`
	// Template is the Template of the carrel. If the declaration names none, it is
	// the course's default.
	Template string `json:"template"`
	// Section is the person's part of the class. It may be empty.
	Section string `json:"section,omitempty"`
	// Enabled is false if the carrel is stopped. Its volumes are kept.
	Enabled bool `json:"enabled"`
	// File is the path of the declaring file, from the root of the repository.
	File string `json:"file"`
	// Line counts from 1 in File. Zero means that the line is unknown.
	Line int `json:"line,omitempty"`

	// row is true for a row of a roster.
	row bool
	// stays is true if Flux keeps the Userland when its file is deleted. A row can
	// then take it over.
	stays bool
}

// Snapshot is the class of a course at one commit.
type Snapshot struct {
	// Course is the name of the course.
	Course string `json:"course"`
	// Title is the display name of the course. It may be empty.
	Title string `json:"title,omitempty"`
	// Carrels are sorted by user and Template.
	Carrels []Declaration `json:"carrels"`
	// Problems are the errors that made the class unreadable. If there are any, the
	// cluster kept the class it had before.
	Problems []string `json:"problems,omitempty"`

	exists bool
}

// classReader reads one class by following its kustomizations.
type classReader struct {
	repository *Repository
	root       plumbing.Hash
	userlands  []manifest
	course     *manifest
	// configMaps holds the files of generated ConfigMaps, by generator name and
	// key.
	configMaps map[string]map[string]located
	problems   []string
	// patched is true if patches change what was read before Flux applies it.
	patched bool
	// watch lists the paths that were read.
	watch []string
	// seen holds the directories that were visited, so that a cycle ends.
	seen map[string]bool
}

// located is a file at a commit.
type located struct {
	path string
	hash plumbing.Hash
}

func (r *Repository) newReader(root plumbing.Hash) *classReader {
	return &classReader{repository: r, root: root, configMaps: map[string]map[string]located{}, seen: map[string]bool{}}
}

// class returns the class that a roster directory declares at a commit. root is the
// commit's tree.
func (r *Repository) class(root plumbing.Hash, course, directory string) (Snapshot, error) {
	c := r.newReader(root)
	at, exists, err := r.find(root, directory)
	if err != nil || !exists || !at.tree {
		return Snapshot{Course: course}, err
	}
	if err := c.directory(directory, at.hash); err != nil {
		return Snapshot{}, err
	}
	if c.patched {
		if err := c.patch(directory); err != nil {
			c.problem("%s: %v", directory, err)
		}
	}
	return c.compose(course)
}

// watchOf returns the paths that decide what the directories build: the directories
// themselves, and everything to which their kustomizations refer.
func (r *Repository) watchOf(root plumbing.Hash, directories ...string) ([]string, error) {
	var all []string
	for _, directory := range directories {
		c := r.newReader(root)
		c.watch = []string{directory}
		at, exists, err := r.find(root, directory)
		if err != nil {
			return nil, err
		}
		if exists && at.tree {
			if err := c.follow(directory, at.hash); err != nil {
				return nil, err
			}
		}
		all = append(all, c.watch...)
	}
	return cover(all), nil
}

// follow records the paths to which the kustomizations refer. It reads no
// manifests.
func (c *classReader) follow(directory string, tree plumbing.Hash) error {
	if c.seen[directory] {
		return nil
	}
	c.seen[directory] = true
	k, all, err := c.repository.kustomizationIn(tree)
	if err != nil {
		return err
	}
	if k == nil {
		for _, e := range all {
			if e.tree && c.followed(e.name) {
				if err := c.follow(path.Join(directory, e.name), e.hash); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, name := range k.paths() {
		p, inside := clean(path.Join(directory, name))
		if !inside || isRemote(name) {
			continue
		}
		c.watch = append(c.watch, p)
		at, exists, err := c.repository.find(c.root, p)
		if err != nil {
			return err
		}
		if exists && at.tree {
			if err := c.follow(p, at.hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// followed reports whether to descend into a subdirectory of a directory without a
// kustomization. Hidden directories are skipped.
func (c *classReader) followed(name string) bool { return !strings.HasPrefix(name, ".") }

// directory reads what a directory builds, as Flux does: by its kustomization or,
// if it has none, from every manifest below it.
func (c *classReader) directory(directory string, tree plumbing.Hash) error {
	if c.seen[directory] {
		return nil
	}
	c.seen[directory] = true
	k, all, err := c.repository.kustomizationIn(tree)
	if err != nil {
		return err
	}
	if k != nil {
		return c.kustomization(directory, k)
	}
	for _, e := range all {
		p := path.Join(directory, e.name)
		switch {
		case e.tree && c.followed(e.name):
			err = c.directory(p, e.hash)
		case e.plain && isManifest(e.name):
			err = c.manifests(located{p, e.hash})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isManifest(name string) bool {
	return (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")) && !strings.HasPrefix(name, ".")
}

// kustomization reads the resources, components and ConfigMaps of a kustomization.
func (c *classReader) kustomization(directory string, k *kustomization) error {
	if k.problem != "" {
		c.problem("%s: %s", path.Join(directory, k.file), k.problem)
		return nil
	}
	for _, name := range slices.Concat(k.Resources, k.Bases, k.Components) {
		if err := c.resource(directory, name); err != nil {
			return err
		}
	}
	for _, g := range k.ConfigMapGenerator {
		if err := c.generator(directory, g); err != nil {
			return err
		}
	}
	c.patched = c.patched || k.patches()
	return nil
}

func (c *classReader) resource(directory, name string) error {
	p, inside := clean(path.Join(directory, name))
	if !inside || isRemote(name) {
		c.problem("%s: %s lies outside of the repository, and is not followed", directory, name)
		return nil
	}
	at, exists, err := c.repository.find(c.root, p)
	switch {
	case err != nil:
		return err
	case !exists:
		c.problem("%s: the kustomization names %s, which is not there", directory, name)
	case at.tree:
		return c.directory(p, at.hash)
	case at.plain:
		return c.manifests(located{p, at.hash})
	}
	return nil
}

// generator records the files of a generated ConfigMap.
func (c *classReader) generator(directory string, g generator) error {
	files := c.configMaps[g.Name]
	if files == nil || g.Behavior == "replace" {
		files = map[string]located{}
	}
	for _, source := range g.Files {
		key, name, named := strings.Cut(source, "=")
		if !named {
			key, name = path.Base(source), source
		}
		p, inside := clean(path.Join(directory, name))
		if !inside {
			c.problem("%s: %s lies outside of the repository", directory, name)
			continue
		}
		at, exists, err := c.repository.find(c.root, p)
		if err != nil {
			return err
		}
		if !exists || at.tree || !at.plain {
			c.problem("%s: configMapGenerator names %s, which is not there", directory, name)
			continue
		}
		files[key] = located{p, at.hash}
	}
	c.configMaps[g.Name] = files
	return nil
}

// manifests records the Courses and Userlands of a file.
func (c *classReader) manifests(file located) error {
	parsed, err := c.repository.manifestsOf(file)
	if err != nil {
		return err
	}
	if parsed.problem != "" {
		c.problem("%s: %s", file.path, parsed.problem)
	}
	for _, m := range parsed.all {
		m.file = file.path
		switch m.Kind {
		case "Course":
			c.course = &m
		case "Userland":
			c.userlands = append(c.userlands, m)
		}
	}
	return nil
}

func (c *classReader) problem(format string, arguments ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, arguments...))
}

// compose builds the class from what was read. A Userland with a file takes
// precedence over a row of the same user and Template.
func (c *classReader) compose(course string) (Snapshot, error) {
	class := Snapshot{Course: course, exists: true, Problems: c.problems}
	var template string
	var rosters []string
	if c.course != nil {
		class.Title, template = c.course.Spec.Title, c.course.Spec.TemplateName
		for _, r := range c.course.Spec.Rosters {
			rosters = append(rosters, r.ConfigMap)
		}
	}
	type identity struct{ user, template string }
	taken := map[identity]bool{}
	for _, m := range c.userlands {
		carrel := m.carrel(template)
		taken[identity{carrel.User, carrel.Template}] = true
		class.Carrels = append(class.Carrels, carrel)
	}
	rows, err := c.rows(rosters, template, &class)
	if err != nil {
		return Snapshot{}, err
	}
	for _, row := range rows {
		carrel := carrelOf(row, template)
		if !taken[identity{carrel.User, carrel.Template}] {
			class.Carrels = append(class.Carrels, carrel)
		}
	}
	slices.SortStableFunc(class.Carrels, compareCarrels)
	return class, nil
}

// rows returns the rows of the rosters that the Course names. template is the
// Template of rows that name none.
func (c *classReader) rows(rosters []string, template string, class *Snapshot) (rows []roster.Row, err error) {
	type identity struct{ user, template string }
	first := map[identity]bool{}
	for _, name := range rosters {
		files, exists := c.configMaps[name]
		if !exists {
			class.Problems = append(class.Problems, fmt.Sprintf("no configMapGenerator makes the roster %s", name))
		}
		for _, key := range slices.Sorted(maps.Keys(files)) {
			read, err := c.repository.rosterOf(files[key])
			if err != nil {
				return nil, err
			}
			for _, p := range read.Errors {
				p.File = files[key].path
				class.Problems = append(class.Problems, p.String())
			}
			for _, row := range read.Rows {
				row.Place.File = files[key].path
				id := identity{row.User, cmp.Or(row.Template, template)}
				if first[id] {
					class.Problems = append(class.Problems, fmt.Sprintf("%s: the same user and template as another line", row.Place))
				}
				first[id] = true
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

func carrelOf(row roster.Row, template string) Declaration {
	return Declaration{
		User: row.User, Userland: row.UserlandName(template), Name: row.Name, Template: cmp.Or(row.Template, template),
		Section: row.Section, Enabled: row.Enabled, File: row.Place.File, Line: row.Place.Line, row: true,
	}
}

func compareCarrels(a, b Declaration) int {
	if n := strings.Compare(a.User, b.User); n != 0 {
		return n
	}
	return strings.Compare(a.Template, b.Template)
}
