package edit

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Add adds a student. It adds a row to the roster called file, or to the first
// roster if file is empty. If the course has no roster, it creates a file for the
// student.
func (c *ClassFiles) Add(row roster.Student, file string) error {
	for _, column := range roster.Columns {
		column.Set(&row, strings.TrimSpace(column.Cell(row))) // create or Save judges the cell
	}
	for _, s := range c.students {
		if s.User == row.User && c.templateOf(s.Template) == c.templateOf(row.Template) {
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

// create creates a student's file, and adds it to the resources if there is a
// kustomization.
func (c *ClassFiles) create(row roster.Student) error {
	// The rules of rows apply to files too, so read the student as a row.
	all := &CSV{comma: ',', end: "\n"}
	text := all.text(roster.ColumnNames()) + all.text(row.Cells())
	if row.User == "" {
		return errors.New("no user: name what the student logs in with")
	}
	if read := roster.Read(roster.File{Name: "the new student", Data: []byte(text)}); len(read.Errors) > 0 || len(read.Rows) != 1 {
		return Problems(read.Errors)
	}
	name := row.UserlandName(c.course.TemplateName)
	if i := slices.IndexFunc(c.students, func(s student) bool { return s.userland == name }); i >= 0 {
		return fmt.Errorf("%s has a carrel of %s that is called %s already: give that Userland another name first", c.students[i].file, c.students[i].User, name)
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
	c.students = append(c.students, student{row, p, name, true})
	return c.list(p, true)
}

// userland returns the manifest of a student. It leaves out what is the default.
func userland(name string, row roster.Student) (string, error) {
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(row.Spec())
	if err != nil {
		return "", fmt.Errorf("write the Userland: %w", err)
	}
	maps.DeleteFunc(spec, func(field string, value any) bool {
		return value == "" || field == "user" && value == name || field == "enabled" && value == true
	})
	metadata := map[string]any{"name": name}
	if row.Name != "" {
		metadata["annotations"] = map[string]string{v1alpha1.NameAnnotation: row.Name}
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

// list adds a file to the kustomization's resources, or removes it.
func (c *ClassFiles) list(p string, add bool) error {
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
