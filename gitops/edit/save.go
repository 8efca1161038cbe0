package edit

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/carrel-dev/carrel/core/roster"
)

// Save writes the changed files and returns their paths. If the rules of rosters
// refuse the result, Save returns Problems and writes nothing. After another error,
// it returns the files written so far.
func (c *ClassFiles) Save() (changed []string, err error) {
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

// check returns the files to write, with their content.
func (c *ClassFiles) check() (map[string][]byte, error) {
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

// twice finds users with two rows of the same Template, of which one names the
// course's Template and the other leaves it empty.
func (c *ClassFiles) twice(rows []roster.Row) (found []roster.Problem) {
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

// Changes counts the students that were added, changed and removed since Open. A student
// with several Templates counts once for each.
func (c *ClassFiles) Changes() (added, updated, removed int) {
	was, is := c.declared(func(p string) []byte { return c.before[p] }, c.opened), c.declared(func(p string) []byte { return c.rosters[p].Bytes() }, c.remaining())
	for id, row := range is {
		if former, there := was[id]; !there {
			added++
		} else if former != row {
			updated++
		}
		delete(was, id)
	}
	return added, updated, len(was)
}

// remaining returns the students with files that are not deleted.
func (c *ClassFiles) remaining() []student {
	return slices.DeleteFunc(slices.Clone(c.students), func(s student) bool { return slices.Contains(c.deleted, s.file) })
}

// declared returns the students by user and Template, without their places.
func (c *ClassFiles) declared(text func(path string) []byte, students []student) map[[2]string]roster.Student {
	all := map[[2]string]roster.Student{}
	for _, s := range students {
		all[[2]string{s.User, c.templateOf(s.Template)}] = s.Student
	}
	for _, p := range c.order {
		for _, row := range studentsOf(p, text(p)) {
			all[[2]string{row.User, c.templateOf(row.Template)}] = row
		}
	}
	return all
}

// replace writes a file atomically.
func replace(p string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	mode := os.FileMode(0o644)
	if info, err := os.Lstat(p); err == nil {
		if info.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link, which Flux does not follow: put the file itself there, and edit it then", p)
		}
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
