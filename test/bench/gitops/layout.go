package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// layout describes a repository like this one, in which clusters/campus lists many
// copies of the course prog1.
type layout struct {
	courses, students int
	// files is true for a file for each student, in place of a roster of rows.
	files bool
	// versions is the number of commits that change the first course's roster.
	versions int
}

// daily is the timetable of the first course: a session every day, for ten years by now
// and without an end.
const daily = `
    term: {firstDay: "2016-10-01"}
    sessions:
      - {name: Daily, weekdays: [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday], start: "10:30", duration: 90m, sections: [a, staff]}
      - {name: Others, weekdays: [Monday], start: "13:00", duration: 90m, sections: [b]}
`

// patches are what the list of courses changes of its entries: all Templates' images, as
// clusters/local does, and an addition to one course, as clusters/campus does.
const patches = `
patches:
  - target: {group: kustomize.toolkit.fluxcd.io, kind: Kustomization, name: templates}
    patch: |
      - op: add
        path: /spec/images
        value:
          - {name: codercom/code-server, newName: git.example.edu/lab/code-server}
  - target: {group: kustomize.toolkit.fluxcd.io, kind: Kustomization, name: templates, namespace: course-001}
    patch: |
      - op: add
        path: /spec/images/-
        value: {name: phpmyadmin, newName: git.example.edu/lab/phpmyadmin}
components:
  - ../../../kustomize/components/closed-addresses
`

func name(i int) string { return fmt.Sprintf("course-%03d", i) }

func (l layout) generate(dir string) error {
	for _, top := range []string{"kustomize", "clusters/base", "clusters/campus", "courses/base"} {
		if err := os.CopyFS(filepath.Join(dir, top), os.DirFS(top)); err != nil {
			return err
		}
	}
	list := filepath.Join(dir, "clusters/campus/courses")
	text := "resources:\n  - closed.yaml\n"
	for i := range l.courses {
		text += "  - " + name(i) + "\n"
		if err := l.addCourse(dir, i); err != nil {
			return err
		}
	}
	for _, other := range []string{"prog1", "database"} {
		if err := os.RemoveAll(filepath.Join(list, other)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(list, "kustomization.yaml"), []byte(text+patches), 0o644)
}

// addCourse copies the course prog1 with its entry on the cluster's list.
func (l layout) addCourse(dir string, i int) error {
	entry, course := filepath.Join(dir, "clusters/campus/courses", name(i)), filepath.Join(dir, "courses", name(i))
	if err := os.CopyFS(entry, os.DirFS("clusters/campus/courses/prog1")); err != nil {
		return err
	}
	if err := os.CopyFS(course, os.DirFS("courses/prog1")); err != nil {
		return err
	}
	for _, file := range []string{filepath.Join(entry, "namespace.yaml"), filepath.Join(course, "roster/course.yaml")} {
		if err := replaceIn(file, "name: prog1", "name: "+name(i)); err != nil {
			return err
		}
	}
	quota := strings.NewReplacer(`"120"`, `"2000"`, `"700"`, `"2000"`, "700Gi", "2000Gi", `"350"`, `"2000"`)
	if err := edit(filepath.Join(entry, "kustomization.yaml"), quota.Replace); err != nil {
		return err
	}
	if i == 0 {
		err := edit(filepath.Join(course, "roster/course.yaml"), func(text string) string {
			before, _, _ := strings.Cut(text, "\n    term:")
			return before + daily
		})
		if err != nil {
			return err
		}
	}
	return l.enrol(filepath.Join(course, "roster"))
}

// enrol writes the students of a course.
func (l layout) enrol(dir string) error {
	if !l.files {
		return os.WriteFile(filepath.Join(dir, "roster.csv"), []byte(l.roster(0)), 0o644)
	}
	resources := ""
	for i := range l.students {
		resources += "  - students/" + user(i) + ".yaml\n"
		text := "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + user(i) + "\nspec:\n  section: " + section(i) + "\n"
		if err := os.WriteFile(filepath.Join(dir, "students", user(i)+".yaml"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "roster.csv"), []byte(head), 0o644); err != nil {
		return err
	}
	return replaceIn(filepath.Join(dir, "kustomization.yaml"), "  - students/hana-mori.yaml\n", "  - students/hana-mori.yaml\n"+resources)
}

// head begins a roster: somebody of the staff, for whom the timetable has sessions.
const head = "user,name,section,enabled\nta-abe,Abe Nozomi,staff,\n"

// roster returns a version of the roster. Each version changes one more row.
func (l layout) roster(version int) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range l.students {
		at := i
		if i < version {
			at++
		}
		fmt.Fprintf(&b, "%s,Sato Yuki,%s,\n", user(i), section(at))
	}
	return b.String()
}

func user(i int) string { return fmt.Sprintf("26t%04d", i) }

func section(i int) string { return string("abcd"[i%4]) }

func replaceIn(file, from, to string) error {
	return edit(file, func(text string) string { return strings.Replace(text, from, to, 1) })
}

func edit(file string, change func(text string) string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(change(string(data))), 0o644)
}
