package edit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// ClassFiles holds the files of a class in a working tree: CSV rosters, or one file
// for each student.
type ClassFiles struct {
	directory string
	// rosters holds the CSV files by path, and order their paths as the
	// kustomization lists them.
	rosters map[string]*CSV
	order   []string
	before  map[string][]byte
	// kustomization is the path of the kustomization, or empty if there is none.
	// text is its edited content.
	kustomization string
	kustomize     *yaml.RNode
	text          string
	// students are the students with files of their own.
	students []student
	// opened are the students as Open found them.
	opened  []student
	created map[string][]byte
	deleted []string
	// course holds the settings of the Course, if its manifest is in the directory.
	course course
}

// course holds the fields of a Course that decide how its rosters are read.
type course struct {
	// TemplateName is the Template of students who name none.
	TemplateName string `yaml:"templateName"`
	// Rosters name the ConfigMaps that are rosters.
	Rosters []source `yaml:"rosters"`
}

type source struct {
	ConfigMap string `yaml:"configMap"`
}

// student is a Userland in a file. alone is true if the file contains nothing else.
type student struct {
	roster.Student
	// file is the path of the file, and userland the name of the Userland.
	file, userland string
	alone          bool
}

// Open reads the directory of a roster. It returns an error if a roster is invalid.
func Open(directory string) (*ClassFiles, error) {
	if info, err := os.Stat(directory); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory: name the course as it is called below courses/, or its directory with --directory", directory)
	}
	c := &ClassFiles{directory: directory, rosters: map[string]*CSV{}, before: map[string][]byte{}, created: map[string][]byte{}}
	if err := c.readKustomization(); err != nil {
		return nil, err
	}
	err := errors.Join(c.readManifests(), c.readRosters())
	c.opened = slices.Clone(c.students)
	return c, err
}

func (c *ClassFiles) readKustomization() error {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		p := filepath.Join(c.directory, name)
		data, err := os.ReadFile(p)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the kustomization: %w", err)
		}
		if c.kustomize, err = yaml.Parse(string(data)); err != nil {
			return fmt.Errorf("read %s: %w", p, err)
		}
		c.kustomization, c.text, c.before[p] = p, string(data), data
		return nil
	}
	return nil
}

// readRosters reads the CSV files that become ConfigMaps.
func (c *ClassFiles) readRosters() error {
	if c.kustomize == nil {
		return nil
	}
	var k struct {
		ConfigMapGenerator []struct {
			Name  string   `yaml:"name"`
			Files []string `yaml:"files"`
		} `yaml:"configMapGenerator"`
	}
	if err := c.kustomize.YNode().Decode(&k); err != nil {
		return fmt.Errorf("read %s: %w", c.kustomization, err)
	}
	var problems []error
	for _, g := range k.ConfigMapGenerator {
		if !c.isRoster(g.Name) {
			continue
		}
		for _, source := range g.Files {
			if _, file, named := strings.Cut(source, "="); named {
				source = file
			}
			p := filepath.Join(c.directory, source)
			data, err := os.ReadFile(p)
			if err != nil {
				return fmt.Errorf("read the roster: %w", err)
			}
			parsed, err := Parse(p, data)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			c.rosters[p], c.before[p] = parsed, data
			c.order = append(c.order, p)
		}
	}
	return errors.Join(problems...)
}

// isRoster reports whether a ConfigMap is a roster. If the Course names no rosters
// here, every ConfigMap is one.
func (c *ClassFiles) isRoster(configMap string) bool {
	return len(c.course.Rosters) == 0 || slices.Contains(c.course.Rosters, source{configMap})
}

// readManifests reads the Course and the files of single students.
func (c *ClassFiles) readManifests() error {
	return filepath.WalkDir(c.directory, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || (filepath.Ext(p) != ".yaml" && filepath.Ext(p) != ".yml") {
			return err
		}
		nodes, err := kio.LocalPackageReader{PackagePath: p, OmitReaderAnnotations: true}.Read()
		if err != nil {
			return fmt.Errorf("read %s: %w", p, err)
		}
		for _, node := range nodes {
			switch node.GetKind() {
			case "Course":
				manifest := struct {
					Spec *course `yaml:"spec"`
				}{&c.course}
				if err := node.YNode().Decode(&manifest); err != nil {
					return fmt.Errorf("read %s: %w", p, err)
				}
			case "Userland":
				u, err := userlandIn(node)
				if err != nil {
					return fmt.Errorf("read %s: %w", p, err)
				}
				c.students = append(c.students, student{roster.Of(u), p, u.Name, len(nodes) == 1})
			}
		}
		return nil
	})
}

func userlandIn(node *yaml.RNode) (*v1alpha1.Userland, error) {
	fields, err := node.Map()
	if err != nil {
		return nil, err
	}
	u := &v1alpha1.Userland{}
	return u, runtime.DefaultUnstructuredConverter.FromUnstructured(fields, u)
}

// templateOf returns the named Template, or the course's default if named is empty.
func (c *ClassFiles) templateOf(named string) string { return cmp.Or(named, c.course.TemplateName) }

// chosen returns the paths of the CSV roster called file, or of all rosters if file
// is empty.
func (c *ClassFiles) chosen(file string) ([]string, error) {
	if file == "" {
		return c.order, nil
	}
	target, err := c.roster(file)
	if err != nil {
		return nil, err
	}
	return []string{target.name}, nil
}

// roster returns the CSV roster called file, or the first one if file is empty. It
// returns nil if file is empty and there is no roster.
func (c *ClassFiles) roster(file string) (*CSV, error) {
	if file == "" && len(c.order) > 0 {
		return c.rosters[c.order[0]], nil
	}
	if file == "" {
		return nil, nil
	}
	for _, p := range c.order {
		if filepath.Base(p) == file || p == file {
			return c.rosters[p], nil
		}
	}
	return nil, fmt.Errorf("no roster of %s is called %s: it has %v", c.directory, file, c.order)
}

func (c *CSV) students() []roster.Student { return studentsOf(c.name, c.Bytes()) }

// studentsOf returns the rows of a CSV file.
func studentsOf(name string, data []byte) []roster.Student {
	rows := roster.Read(roster.File{Name: name, Data: data}).Rows
	all := make([]roster.Student, len(rows))
	for i, row := range rows {
		all[i] = row.Student
	}
	return all
}

// Students returns all students, those with files first, as the Course orders them. If
// file is not empty, Students returns the rows of that CSV file only.
func (c *ClassFiles) Students(file string) (all []roster.Student, err error) {
	rosters, err := c.chosen(file)
	if err != nil {
		return nil, err
	}
	for _, s := range c.students {
		if file == "" {
			all = append(all, s.Student)
		}
	}
	for _, p := range rosters {
		all = append(all, c.rosters[p].students()...)
	}
	return all, nil
}

// Sort sorts the CSV roster called file by a column, or all rosters if file is
// empty.
func (c *ClassFiles) Sort(field, file string) error {
	rosters, err := c.chosen(file)
	if err != nil {
		return err
	}
	if len(rosters) == 0 {
		return fmt.Errorf("%s has no CSV roster: files of single students have no order", c.directory)
	}
	var problems []error
	for _, p := range rosters {
		problems = append(problems, c.rosters[p].Sort(field))
	}
	return errors.Join(problems...)
}
