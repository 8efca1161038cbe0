package edit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/core/roster"
)

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
