package edit

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/roster"
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

// Add puts a row in: into the roster of a name, the first if that is empty, or as
// a file of its own where the course has no roster.
func (c *Class) Add(row roster.Row, file string) error {
	for _, text := range []*string{&row.User, &row.Name, &row.Template, &row.Section} {
		*text = strings.TrimSpace(*text)
	}
	for _, s := range c.students {
		if s.user == row.User && c.templateOf(s.template) == c.templateOf(row.Template) {
			return fmt.Errorf("%s has this student already, with the same template", s.file)
		}
	}
	target, err := c.roster(file)
	if err != nil {
		return err
	}
	if target == nil {
		return c.create(row)
	}
	return target.Add(row)
}

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

// create makes a student's file, and lists it where a kustomization lists files.
func (c *Class) create(row roster.Row) error {
	// The rules are those of rows: one language for both.
	all := &CSV{comma: ',', end: "\n"}
	text := all.text([]string{"user", "name", "template", "section"}) + all.text([]string{row.User, row.Name, row.Template, row.Section})
	if row.User == "" {
		return errors.New("no user: name what the student logs in with")
	}
	if read := roster.Read(roster.File{Name: "the new student", Data: []byte(text)}); len(read.Errors) > 0 || len(read.Rows) != 1 {
		return Problems(read.Errors)
	}
	name := row.UserlandName()
	if i := slices.IndexFunc(c.students, func(s student) bool { return s.name == name }); i >= 0 {
		return fmt.Errorf("%s has a carrel of %s that is called %s already: give that Userland another name first", c.students[i].file, c.students[i].user, name)
	}
	manifest, err := userland(name, row)
	if err != nil {
		return err
	}
	p := filepath.Join(c.directory, "students", name+".yaml")
	if _, err := os.Stat(p); err == nil || c.created[p] != nil {
		return fmt.Errorf("%s exists already: edit it, or remove the student first", p)
	}
	c.created[p] = []byte(manifest)
	c.students = append(c.students, student{file: p, user: row.User, name: name, template: row.Template, section: row.Section, person: row.Name, enabled: row.Enabled, alone: true})
	return c.list(p, true)
}

// userland is the manifest of a row.
func userland(name string, row roster.Row) (string, error) {
	spec := map[string]any{}
	if name != row.User {
		spec["user"] = row.User
	}
	for field, value := range map[string]string{"templateName": row.Template, "section": row.Section} {
		if value != "" {
			spec[field] = value
		}
	}
	if !row.Enabled {
		spec["enabled"] = false
	}
	metadata := map[string]any{"name": name}
	if row.Name != "" {
		metadata["annotations"] = map[string]string{"carrel.dev/name": row.Name}
	}
	object := yaml.NewMapRNode(nil)
	for _, f := range []struct {
		name  string
		value any
	}{{"apiVersion", "carrel.dev/v1alpha1"}, {"kind", "Userland"}, {"metadata", metadata}, {"spec", spec}} {
		var node yaml.Node
		if err := node.Encode(f.value); err != nil {
			return "", fmt.Errorf("write the Userland: %w", err)
		}
		if err := object.PipeE(yaml.SetField(f.name, yaml.NewRNode(&node))); err != nil {
			return "", fmt.Errorf("write the Userland: %w", err)
		}
	}
	manifest, err := object.String()
	if err != nil {
		return "", fmt.Errorf("write the Userland: %w", err)
	}
	return manifest, nil
}

// list puts a file on the list of resources, or takes it off.
func (c *Class) list(p string, add bool) error {
	if c.kustomize == nil {
		return nil
	}
	name, err := filepath.Rel(c.directory, p)
	if err != nil {
		return err
	}
	text, err := Relist(c.text, filepath.ToSlash(name), add)
	if err != nil {
		return fmt.Errorf("%s: %w", c.kustomization, err)
	}
	c.text = text
	return nil
}

// place is where a carrel is declared.
type place struct{ file, user, template string }

// Remove takes students out, by login or by the name of the carrel, from every file,
// or from one CSV file if it is named.
func (c *Class) Remove(who []string, template, file string) error {
	gone := map[place]bool{}
	for _, name := range who {
		found, err := c.called(name, template, file)
		if err != nil {
			return err
		}
		for _, p := range found {
			gone[p] = true
		}
	}
	for p, csv := range c.rosters {
		csv.Remove(func(user, template string) bool { return gone[place{p, user, template}] })
	}
	for _, s := range c.students {
		if !gone[place{s.file, s.user, s.template}] {
			continue
		}
		if !s.alone {
			return fmt.Errorf("%s holds other things beside this student: edit it by hand", s.file)
		}
		if err := c.list(s.file, false); err != nil {
			return err
		}
		c.deleted = append(c.deleted, s.file)
	}
	return nil
}

// called are the carrels of who logs in by a name or, if nobody does, that of the
// name.
func (c *Class) called(who, template, file string) ([]place, error) {
	rosters, err := c.chosen(file)
	if err != nil {
		return nil, err
	}
	var users, names []place
	take := func(p place, carrel string) {
		switch {
		case template != "" && c.templateOf(p.template) != template:
		case p.user == who:
			users = append(users, p)
		case carrel == who:
			names = append(names, p)
		}
	}
	for _, p := range rosters {
		for _, row := range c.rosters[p].rows() {
			take(place{p, row.User, row.Template}, row.UserlandName())
		}
	}
	for _, s := range c.students {
		if file == "" {
			take(place{s.file, s.user, s.template}, s.name)
		}
	}
	if users == nil {
		users = names
	}
	switch {
	case len(users) > 0:
		return users, nil
	case template != "" || file != "":
		return nil, fmt.Errorf("nobody whom --template and --file leave is called %q: leave them out, or give the login as the roster has it", who)
	default:
		return nil, fmt.Errorf("nobody here is called %q: give the login as the roster has it, or the carrel's name", who)
	}
}

func (c *CSV) rows() []roster.Row {
	return roster.Read(roster.File{Name: c.name, Data: c.Bytes()}).Rows
}

// Merge adds the rows that are not there and updates the others, all or those of a
// CSV file if it is named; with prune, who is not among them is removed from it. Who
// has a file of their own is there. Rows without Templates stand for whatever
// carrels of theirs there are.
func (c *Class) Merge(from Import, file string, prune bool) error {
	target, err := c.roster(file)
	if err != nil {
		return err
	}
	if target == nil {
		return fmt.Errorf("%s has no CSV roster to import into: make it one first (docs/rosters.md), or add students one by one", c.directory)
	}
	rosters, err := c.chosen(file)
	if err != nil {
		return err
	}
	var elsewhere []roster.Row // who is there, and not for us to change
	for _, s := range c.students {
		elsewhere = append(elsewhere, roster.Row{User: s.user, Template: s.template})
	}
	for _, p := range c.order {
		if !slices.Contains(rosters, p) {
			elsewhere = append(elsewhere, c.rosters[p].rows()...)
		}
	}
	same := func(row roster.Row, user, template string) bool {
		return user == row.User && (!from.Templates || c.templateOf(template) == c.templateOf(row.Template))
	}
	var problems []error
	for _, row := range from.Rows {
		row.Place = roster.Place{}
		there := slices.ContainsFunc(elsewhere, func(r roster.Row) bool { return same(row, r.User, r.Template) })
		for _, p := range rosters {
			found, err := c.rosters[p].Update(row, func(template string) bool { return same(row, row.User, template) })
			there = there || found
			problems = append(problems, err)
		}
		if !there {
			problems = append(problems, target.Add(row))
		}
	}
	if prune {
		target.Remove(func(user, template string) bool {
			return !slices.ContainsFunc(from.Rows, func(row roster.Row) bool { return same(row, user, template) })
		})
	}
	return errors.Join(problems...)
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

// Save writes what was changed, or, where the rules of rosters refuse it, nothing.
// It returns the files that are other now.
func (c *Class) Save() (changed []string, err error) {
	files, err := c.check()
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		if err := replace(p, files[p]); err != nil {
			return changed, err
		}
		changed = append(changed, p)
	}
	for _, p := range c.deleted {
		if err := os.Remove(p); err != nil {
			return changed, fmt.Errorf("delete the student's file: %w", err)
		}
		changed = append(changed, p)
	}
	return changed, nil
}

// check is what would be written.
func (c *Class) check() (map[string][]byte, error) {
	files := maps.Clone(c.created)
	var all []roster.File
	for _, p := range c.order {
		data := c.rosters[p].Bytes()
		all = append(all, roster.File{Name: p, Data: data})
		if string(data) != string(c.before[p]) {
			files[p] = data
		}
	}
	read := roster.Read(all...)
	if problems := slices.Concat(read.Errors, c.twice(read.Rows)); len(problems) > 0 {
		return nil, Problems(problems)
	}
	if c.kustomize != nil && c.text != string(c.before[c.kustomization]) {
		files[c.kustomization] = []byte(c.text)
	}
	return files, nil
}

// twice finds rows of one user of which one names the course's Template and the other
// leaves it to the course.
func (c *Class) twice(rows []roster.Row) (found []roster.Problem) {
	first := map[[2]string]roster.Row{}
	for _, row := range rows {
		id := [2]string{row.User, c.templateOf(row.Template)}
		before, there := first[id]
		if !there {
			first[id] = row
		} else if before.Template != row.Template {
			found = append(found, roster.Problem{Place: row.Place, Cause: fmt.Sprintf("the same user and template as %s: an empty template is the course's, %q", before.Place, id[1]),
				Cure: "delete one of the two lines, or name another template in one"})
		}
	}
	return found
}

// replace writes a file whole or not at all.
func replace(p string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(p); err == nil {
		mode = info.Mode().Perm()
	}
	file, err := os.CreateTemp(filepath.Dir(p), ".carrel-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(data)
	if err = errors.Join(err, file.Chmod(mode), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	if err = os.Rename(file.Name(), p); err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	return nil
}
