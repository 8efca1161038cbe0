package edit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/core/roster"
)

// Class is the roster of a course in a working tree: CSV files, or one file for
// each student.
type Class struct {
	directory string
	// rosters are the CSV files, by their path; order is that in which the
	// kustomization names them.
	rosters map[string]*CSV
	order   []string
	before  map[string][]byte
	// kustomization is the file, empty if there is none; resources are edited in
	// it.
	kustomization string
	kustomize     *yaml.RNode
	text          string
	// students are the files of single students.
	students []student
	created  map[string][]byte
	deleted  []string
	// course is what the Course says, if it is here.
	course course
}

// course is what of a Course decides how its rosters are read.
type course struct {
	// TemplateName is the Template of who names none.
	TemplateName string `yaml:"templateName"`
	// Rosters are the ConfigMaps that are rosters.
	Rosters []source `yaml:"rosters"`
}

type source struct {
	ConfigMap string `yaml:"configMap"`
}

// student is a Userland in a file of its own, and its place in it.
type student struct {
	file, user, name, template, section, person string
	enabled, alone                              bool
}

// Open reads the directory of a roster. Rosters with errors are not edited.
func Open(directory string) (*Class, error) {
	if info, err := os.Stat(directory); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory: name the course as it is called below courses/, or its directory with --directory", directory)
	}
	c := &Class{directory: directory, rosters: map[string]*CSV{}, before: map[string][]byte{}, created: map[string][]byte{}}
	if err := c.readKustomization(); err != nil {
		return nil, err
	}
	return c, errors.Join(c.readManifests(), c.readRosters())
}

func (c *Class) readKustomization() error {
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
func (c *Class) readRosters() error {
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

// isRoster reports whether a ConfigMap is a roster: one that the Course names or, if
// that is not here, any.
func (c *Class) isRoster(configMap string) bool {
	return len(c.course.Rosters) == 0 || slices.Contains(c.course.Rosters, source{configMap})
}

// readManifests reads the Course and the files of single students.
func (c *Class) readManifests() error {
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
				s := studentOf(node)
				s.file, s.alone = p, len(nodes) == 1
				c.students = append(c.students, s)
			}
		}
		return nil
	})
}

func studentOf(node *yaml.RNode) student {
	s := student{name: node.GetName(), enabled: true, person: node.GetAnnotations()["carrel.dev/name"]}
	s.user, _ = node.GetString("spec.user")
	s.template, _ = node.GetString("spec.templateName")
	s.section, _ = node.GetString("spec.section")
	if enabled, err := node.GetFieldValue("spec.enabled"); err == nil {
		s.enabled = fmt.Sprint(enabled) != "false"
	}
	s.user = cmp.Or(s.user, s.name)
	return s
}

// templateOf is the Template of one that names it or leaves it to the course.
func (c *Class) templateOf(named string) string { return cmp.Or(named, c.course.TemplateName) }

// chosen are the CSV files that are meant: that of a name, all if it is empty.
func (c *Class) chosen(file string) ([]string, error) {
	if file == "" {
		return c.order, nil
	}
	target, err := c.roster(file)
	if err != nil {
		return nil, err
	}
	return []string{target.name}, nil
}

// roster is the CSV file of a name; nil where there is none at all.
func (c *Class) roster(file string) (*CSV, error) {
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

func (c *CSV) rows() []roster.Row {
	return roster.Read(roster.File{Name: c.name, Data: c.Bytes()}).Rows
}

// Rows are all students, of files first as for the Course, or those of a CSV file if
// it is named.
func (c *Class) Rows(file string) (rows []roster.Row, err error) {
	rosters, err := c.chosen(file)
	if err != nil {
		return nil, err
	}
	for _, s := range c.students {
		if file == "" {
			rows = append(rows, roster.Row{User: s.user, Name: s.person, Template: s.template, Section: s.section, Enabled: s.enabled})
		}
	}
	for _, p := range rosters {
		rows = append(rows, c.rosters[p].rows()...)
	}
	return rows, nil
}

// Sort sorts each CSV file by a column, or one if it is named.
func (c *Class) Sort(field, file string) error {
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
