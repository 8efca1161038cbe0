package scaffold_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/scaffold"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// repository returns a copy of this repository's overlays.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, directory := range []string{"courses", "clusters", "kustomize"} {
		if err := os.CopyFS(filepath.Join(root, directory), os.DirFS(filepath.Join("..", "..", directory))); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func build(t *testing.T, directory string) string {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNewCourseBuilds(t *testing.T) {
	for _, id := range []string{"algo-2027", "2027"} {
		root := repository(t)
		files, err := scaffold.Write(root, scaffold.Options{ID: id, Title: "Algorithms: an introduction", Template: "code-server", Clusters: []string{"local", "campus"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 12 {
			t.Errorf("written are %v", files)
		}
		class := build(t, filepath.Join(root, "courses", id, "roster"))
		if !strings.Contains(class, "configMap: roster-") || !strings.Contains(class, "Algorithms: an introduction") {
			t.Errorf("the class is\n%s", class)
		}
		if templates := build(t, filepath.Join(root, "courses", id, "templates")); !strings.Contains(templates, "name: code-server") {
			t.Errorf("the Templates are\n%s", templates)
		}
		for _, cluster := range []string{"local", "campus"} {
			if all := build(t, filepath.Join(root, "clusters", cluster, "courses")); !strings.Contains(all, "path: ./courses/"+id+"/roster") {
				t.Errorf("cluster %s does not apply the course:\n%s", cluster, all)
			}
		}
		if templates := build(t, filepath.Join(root, "courses", id, "templates")); !strings.Contains(templates, "after: 30m") {
			t.Errorf("the Templates never idle:\n%s", templates)
		}
		rows, err := os.ReadFile(filepath.Join(root, "courses", id, "roster", "roster.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if read := roster.Read(roster.File{Data: rows}); len(read.Errors)+len(read.Warnings) > 0 {
			t.Errorf("the roster has %v %v", read.Errors, read.Warnings)
		}
	}
}

func TestNewCourseRefuses(t *testing.T) {
	for _, test := range []struct {
		course scaffold.Options
		cause  string
	}{
		{scaffold.Options{ID: "prog1", Template: "code-server"}, "exists already"},
		{scaffold.Options{ID: "a--b", Template: "code-server"}, "no course can be called"},
		{scaffold.Options{ID: "../x", Template: "code-server"}, "no course can be called"},
		{scaffold.Options{ID: strings.Repeat("a", 22), Template: "code-server"}, "no course can be called"},
		{scaffold.Options{ID: "new", Template: "none"}, "name one of the directories in courses/base"},
		{scaffold.Options{ID: "new", Template: "webterm", Clusters: []string{"none"}}, "name one of the directories in clusters"},
	} {
		root := repository(t)
		_, err := scaffold.Write(root, test.course)
		if err == nil || !strings.Contains(err.Error(), test.cause) {
			t.Errorf("%+v: %v, want %q", test.course, err, test.cause)
		}
		if _, err := os.Stat(filepath.Join(root, "courses", "new")); err == nil {
			t.Errorf("%+v: something was written", test.course)
		}
	}
}

// TestNewCourseHolds fills new courses with as many students as they are made for, and
// checks that they fit and that nothing is wrong.
func TestNewCourseHolds(t *testing.T) {
	for _, test := range []struct {
		template           string
		students, enrolled int
		full               bool
	}{
		{"code-server", 300, 300, false}, {"mariadb-phpmyadmin", 0, 40, false},
		{"code-server", 0, 300, true},
	} {
		root := repository(t)
		options := scaffold.Options{ID: "algo", Template: test.template, Clusters: []string{"campus"}, Students: test.students}
		if _, err := scaffold.Write(root, options); err != nil {
			t.Fatal(err)
		}
		rows := "user,name,template,section,enabled\n"
		for i := range test.enrolled {
			rows += fmt.Sprintf("26t%04d,,,,\n", i)
		}
		if err := os.WriteFile(filepath.Join(root, "courses", "algo", "roster", "roster.csv"), []byte(rows), 0o644); err != nil {
			t.Fatal(err)
		}
		whole, err := tree.Directory(root)
		if err != nil {
			t.Fatal(err)
		}
		result, err := check.Run(t.Context(), whole, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		full := false
		for _, f := range result.Findings {
			switch {
			case f.Rule == "quota" && strings.Contains(f.Object, "algo/"):
				full = true
			case strings.Contains(f.File+f.Object, "algo"):
				t.Errorf("%+v: %+v", options, f)
			}
		}
		if full != test.full {
			t.Errorf("%d students in a course for %d: too many is %t, want %t", test.enrolled, test.students, full, test.full)
		}
	}
}
