package edit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/carrel-dev/carrel/core/roster"
)

// Merge adds the students of from who are missing, and updates the others. It
// changes the roster called file, or all rosters if file is empty. With prune, it
// removes the target roster's rows that from lacks. Students with files of their
// own count as present. If from has no column of Templates, a student matches all
// carrels of that user.
func (c *ClassFiles) Merge(from Import, file string, prune bool) error {
	target, err := c.roster(file)
	if err != nil {
		return err
	}
	if target == nil {
		return fmt.Errorf("%s has no CSV roster to import into: make it one first (docs/rosters.md), or add students one by one", c.directory)
	}
	if n := len(target.students()); prune && len(from.Rows) == 0 && n > 0 {
		return fmt.Errorf("the file names nobody, and --prune would remove all %d students of %s: export the file again", n, target.name)
	}
	rosters, err := c.chosen(file)
	if err != nil {
		return err
	}
	elsewhere := c.outside(rosters)
	same := func(row roster.Student, user, template string) bool {
		return user == row.User && (!from.Templates || c.templateOf(template) == c.templateOf(row.Template))
	}
	var problems []error
	for _, imported := range from.Rows {
		row := imported.Student
		there := slices.ContainsFunc(elsewhere, func(r roster.Student) bool { return same(row, r.User, r.Template) })
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
			return !slices.ContainsFunc(from.Rows, func(row roster.Row) bool { return same(row.Student, user, template) })
		})
	}
	return errors.Join(problems...)
}

// outside returns the students declared in other files than these rosters.
func (c *ClassFiles) outside(rosters []string) (all []roster.Student) {
	for _, s := range c.students {
		all = append(all, s.Student)
	}
	for _, p := range c.order {
		if !slices.Contains(rosters, p) {
			all = append(all, c.rosters[p].students()...)
		}
	}
	return all
}
