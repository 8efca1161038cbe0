package class

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Reader reads the classes of many commits of a repository. It follows kustomizations
// without rendering, and reads each content once, even if many commits contain it. A
// directory with patches is rendered.
type Reader struct {
	git            *git.Repository
	objects        *tree.Objects
	manifests      map[plumbing.Hash]*manifests
	rosters        map[string]roster.Roster
	kustomizations map[plumbing.Hash]*kustomization
}

// NewReader returns a Reader of a repository that tree.Open returned.
func NewReader(repository *git.Repository) *Reader {
	return &Reader{
		git: repository, objects: tree.ObjectsOf(repository), manifests: map[plumbing.Hash]*manifests{}, rosters: map[string]roster.Roster{},
		kustomizations: map[plumbing.Hash]*kustomization{},
	}
}

// reading reads one class by following its kustomizations.
type reading struct {
	*Reader
	root      plumbing.Hash
	userlands []manifest
	course    *manifest
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

func (r *Reader) newReading(root plumbing.Hash) *reading {
	return &reading{Reader: r, root: root, configMaps: map[string]map[string]located{}, seen: map[string]bool{}}
}

// Declared is the class that a roster directory declares at a commit.
type Declared struct {
	Roll
	// Unread are the reasons why the class could not be read. Flux and the controller
	// then keep the class of before.
	Unread []string
	// Exists is false if there is no such directory.
	Exists bool
}

// At returns the class that a roster directory declares at a commit. root is the commit's
// tree.
func (r *Reader) At(root plumbing.Hash, course, directory string) (Declared, error) {
	at, exists, err := r.objects.Find(root, directory)
	if err != nil || !exists || !at.Tree {
		return Declared{}, err
	}
	c := r.newReading(root)
	if err := c.directory(directory, at.Hash); err != nil {
		return Declared{}, err
	}
	if c.patched {
		if err := c.patch(directory); err != nil {
			c.problem("%s: %v", directory, err)
		}
	}
	return c.compose(course)
}

// Build renders a directory at a commit as Flux does. root is the commit's tree.
func (r *Reader) Build(root plumbing.Hash, directory string) ([]*unstructured.Unstructured, []render.Origin, error) {
	t, err := tree.Of(r.git, root)
	if err != nil {
		return nil, nil, err
	}
	return render.Directory(t, directory)
}

// Watch returns the paths that decide what the directories build: the directories
// themselves, and everything to which their kustomizations refer.
func (r *Reader) Watch(root plumbing.Hash, directories ...string) ([]string, error) {
	var all []string
	for _, directory := range directories {
		c := r.newReading(root)
		c.watch = []string{directory}
		at, exists, err := r.objects.Find(root, directory)
		if err != nil {
			return nil, err
		}
		if exists && at.Tree {
			if err := c.follow(directory, at.Hash); err != nil {
				return nil, err
			}
		}
		all = append(all, c.watch...)
	}
	return Cover(all), nil
}

// follow records the paths to which the kustomizations refer. It reads no
// manifests.
func (c *reading) follow(directory string, hash plumbing.Hash) error {
	if c.seen[directory] {
		return nil
	}
	c.seen[directory] = true
	k, all, err := c.kustomizationIn(hash)
	if err != nil {
		return err
	}
	if k == nil {
		for _, e := range all {
			if e.Tree && c.followed(e.Name) {
				if err := c.follow(path.Join(directory, e.Name), e.Hash); err != nil {
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
		at, exists, err := c.objects.Find(c.root, p)
		if err != nil {
			return err
		}
		if exists && at.Tree {
			if err := c.follow(p, at.Hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// followed reports whether to descend into a subdirectory of a directory without a
// kustomization. Hidden directories are skipped.
func (c *reading) followed(name string) bool { return !strings.HasPrefix(name, ".") }

// directory reads what a directory builds, as Flux does: by its kustomization or,
// if it has none, from every manifest below it.
func (c *reading) directory(directory string, hash plumbing.Hash) error {
	if c.seen[directory] {
		return nil
	}
	c.seen[directory] = true
	k, all, err := c.kustomizationIn(hash)
	if err != nil {
		return err
	}
	if k != nil {
		return c.kustomization(directory, k)
	}
	for _, e := range all {
		p := path.Join(directory, e.Name)
		switch {
		case e.Tree && c.followed(e.Name):
			err = c.directory(p, e.Hash)
		case e.Plain && isManifest(e.Name):
			err = c.manifests(located{p, e.Hash})
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
func (c *reading) kustomization(directory string, k *kustomization) error {
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

func (c *reading) resource(directory, name string) error {
	p, inside := clean(path.Join(directory, name))
	if !inside || isRemote(name) {
		c.problem("%s: %s lies outside of the repository, and is not followed", directory, name)
		return nil
	}
	at, exists, err := c.objects.Find(c.root, p)
	switch {
	case err != nil:
		return err
	case !exists:
		c.problem("%s: the kustomization names %s, which is not there", directory, name)
	case at.Tree:
		return c.directory(p, at.Hash)
	case at.Plain:
		return c.manifests(located{p, at.Hash})
	}
	return nil
}

// generator records the files of a generated ConfigMap.
func (c *reading) generator(directory string, g generator) error {
	files := c.configMaps[g.Name]
	if files == nil || g.Behavior == "replace" {
		files = map[string]located{}
	}
	for _, source := range g.Files {
		key, name := keyAndFile(source)
		p, inside := clean(path.Join(directory, name))
		if !inside {
			c.problem("%s: %s lies outside of the repository", directory, name)
			continue
		}
		at, exists, err := c.objects.Find(c.root, p)
		if err != nil {
			return err
		}
		if !exists || at.Tree || !at.Plain {
			c.problem("%s: configMapGenerator names %s, which is not there", directory, name)
			continue
		}
		files[key] = located{p, at.Hash}
	}
	c.configMaps[g.Name] = files
	return nil
}

// manifests records the Courses and Userlands of a file.
func (c *reading) manifests(file located) error {
	parsed, err := c.manifestsOf(file)
	if err != nil {
		return err
	}
	if parsed.problem != "" {
		c.problem("%s: %s", file.path, parsed.problem)
	}
	for _, m := range parsed.all {
		m.place.file = file.path
		if m.course != nil {
			c.course = &m
		} else {
			c.userlands = append(c.userlands, m)
		}
	}
	return nil
}

func (c *reading) problem(format string, arguments ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, arguments...))
}

// patch replaces the Course and the Userlands by the result of the overlay's
// patches.
func (c *reading) patch(directory string) error {
	objects, origins, err := c.Build(c.root, directory)
	if err != nil {
		return err
	}
	places := map[string]place{}
	for _, m := range c.userlands {
		places[m.userland.Name] = m.place
	}
	c.userlands = nil
	for i, object := range objects {
		m, err := manifestOf(object.Object)
		switch {
		case err != nil:
			return err
		case m.course != nil:
			// kustomize changed the names of the rosters; keep the names in git.
			if c.course != nil {
				m.course.Spec.Rosters = c.course.course.Spec.Rosters
			}
			c.course = &m
		case m.userland != nil:
			m.place = place{file: origins[i].File}
			if source, is := places[m.userland.Name]; is {
				m.place = source
			}
			c.userlands = append(c.userlands, m)
		}
	}
	return nil
}

// compose expands the class.
func (c *reading) compose(course string) (Declared, error) {
	var class Class
	if c.course != nil {
		class.Course = c.course.course
	}
	for _, m := range c.userlands {
		class.Userlands = append(class.Userlands, *m.userland)
		class.setPlace(m.userland.Name, m.place)
	}
	var files []located
	if class.Course != nil {
		for _, source := range class.Course.Spec.Rosters {
			found, exists := c.configMaps[source.ConfigMap]
			if !exists {
				c.problem("no configMapGenerator makes the roster %s", source.ConfigMap)
			}
			for _, key := range slices.Sorted(maps.Keys(found)) {
				files = append(files, found[key])
			}
		}
	}
	rows, err := c.rosterOf(files)
	if err != nil {
		return Declared{}, err
	}
	d := Declared{Roll: class.roll(course, rows), Unread: c.problems, Exists: true}
	for _, p := range d.Problems {
		d.Unread = append(d.Unread, p.String())
	}
	slices.SortStableFunc(d.Students, Compare)
	return d, nil
}

// rosterOf reads files as the roster of one course, once for each content.
func (r *Reader) rosterOf(files []located) (roster.Roster, error) {
	var key strings.Builder
	for _, file := range files {
		fmt.Fprintf(&key, "%s %s\n", file.path, file.hash)
	}
	if known, is := r.rosters[key.String()]; is {
		return known, nil
	}
	all := make([]roster.File, len(files))
	for i, file := range files {
		content, err := r.objects.Read(plumbing.BlobObject, file.hash)
		if err != nil {
			return roster.Roster{}, err
		}
		all[i] = roster.File{Name: file.path, Data: content}
	}
	r.rosters[key.String()] = roster.Read(all...)
	return r.rosters[key.String()], nil
}

// clean returns the cleaned path. It returns false if the path leaves the
// repository.
func clean(name string) (string, bool) {
	name = path.Clean(name)
	return name, name != ".." && !strings.HasPrefix(name, "../") && !path.IsAbs(name)
}

// Cover sorts paths and drops those below others.
func Cover(paths []string) []string {
	slices.Sort(paths)
	var kept []string
	for _, p := range slices.Compact(paths) {
		if !slices.ContainsFunc(kept, func(k string) bool { return k == "." || strings.HasPrefix(p, k+"/") }) {
			kept = append(kept, p)
		}
	}
	return kept
}
