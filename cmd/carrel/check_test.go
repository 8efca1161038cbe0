package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// campus returns a repository with a course, in which one file has was replaced by
// is.
func campus(t *testing.T, file, was, is string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../gitops/check/testdata/campus")); err != nil {
		t.Fatal(err)
	}
	if file != "" {
		rewrite(t, dir, file, func(text string) string { return strings.Replace(text, was, is, 1) })
	}
	return dir
}

// TestExitCodesOfCheck checks that a check that could not run, findings, and a
// clean result have different exit codes.
func TestExitCodesOfCheck(t *testing.T) {
	fine := campus(t, "", "", "")
	twice := campus(t, rosterFile, "26t0005,", "26t0001,")
	unbuilt := campus(t, "courses/prog1/roster/kustomization.yaml", "students/kai.yaml", "students/kei.yaml")
	for _, test := range []struct {
		dir       string
		arguments []string
		want      int
	}{
		{fine, nil, 0}, {fine, []string{"courses/prog1"}, 0}, {fine, []string{"."}, 0}, {fine, []string{"--rules"}, 0},
		{twice, nil, 1}, {twice, []string{rosterFile}, 1}, {twice, []string{"./" + rosterFile}, 1}, {twice, []string{"courses//prog1/"}, 1},
		{twice, []string{"courses/prog1/templates/../roster"}, 1}, {twice, []string{"courses/prog1/templates"}, 0},
		{unbuilt, []string{rosterFile}, 1}, {unbuilt, []string{"courses/prog1/roster/students/kai.yaml"}, 1},
		{fine, []string{"courses/prog2"}, 2}, {fine, []string{".."}, 2}, {fine, []string{"../" + filepath.Base(fine) + "/courses"}, 2}, {fine, []string{fine + "/courses"}, 0},
		{fine, []string{"courses", "clusters"}, 2}, {fine, []string{"--nonsense"}, 2}, {fine, []string{"--rev"}, 2}, {fine, []string{"--explain", "nonsense"}, 2},
		{fine, []string{"--output", "nonsense"}, 2}, {fine, []string{"--rev", "HEAD"}, 2},
	} {
		code := 0
		out, err := carrel(t, append([]string{"check", "--repository", test.dir}, test.arguments...)...)
		if err != nil {
			code = exitCode(err)
		}
		if code != test.want {
			t.Errorf("carrel check %v exits with %d (%v), want %d\n%s", test.arguments, code, err, test.want, out)
		}
	}
}

// TestCheckFromAnywhere checks from a subdirectory, with paths from there, from the root
// and absolute ones.
func TestCheckFromAnywhere(t *testing.T) {
	dir := campus(t, "", "", "")
	t.Chdir(filepath.Join(dir, "courses", "prog1"))
	for _, path := range []string{"", "roster", "courses/prog1", filepath.Join(dir, rosterFile)} {
		arguments := []string{"check"}
		if path != "" {
			arguments = append(arguments, path)
		}
		if out, err := carrel(t, arguments...); err != nil || out != "0 errors, 0 warnings; looked at 1 cluster, 1 course, 6 students\n" {
			t.Errorf("check of %q: %v\n%s", path, err, out)
		}
	}
	if out, err := carrel(t, "roster", "add", "prog1", "26t0999"); err != nil || !strings.Contains(out, "1 added, 0 updated, 0 removed; now commit") {
		t.Errorf("an edit: %v\n%s", err, out)
	}
	if out, err := carrel(t, "__complete", "roster", "add", ""); err != nil || !strings.HasPrefix(out, "prog1\n") {
		t.Errorf("the courses are completed as %q, %v", out, err)
	}
	if out, err := carrel(t, "__complete", "plan", "--cluster", ""); err != nil || !strings.HasPrefix(out, "lab\n") {
		t.Errorf("the clusters are completed as %q, %v", out, err)
	}
	if out, err := carrel(t, "roster", "sort", "prog1"); err != nil || !strings.Contains(out, "nothing to change") {
		t.Errorf("an edit of nothing: %v\n%s", err, out)
	}
}

func TestWrongCallsShowTheRightOne(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"why"}, "call it as: carrel why STUDENT [COURSE]"}, {[]string{"roster", "add", "prog1"}, "call it as: carrel roster add COURSE USER..."},
		{[]string{"plan", "--nonsense"}, "call it as: carrel plan [flags]"}, {[]string{"check", "a", "b"}, "call it as: carrel check [path]"},
	} {
		if _, err := carrel(t, test.arguments...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("carrel %v: %v, want %q", test.arguments, err, test.want)
		}
	}
	if out, err := carrel(t, "--version"); err != nil || !strings.HasPrefix(out, "carrel version ") {
		t.Errorf("the version is %q, %v", out, err)
	}
}

func TestGroupsRefuseWhatTheyLack(t *testing.T) {
	for _, name := range []string{"roster", "new", "ci"} {
		if _, err := carrel(t, name, "nonsense"); err == nil || !strings.Contains(err.Error(), `carrel `+name+` has no command "nonsense"`) {
			t.Errorf("carrel %s nonsense: %v", name, err)
		}
		if out, err := carrel(t, name); err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("carrel %s alone: %v\n%s", name, err, out)
		}
	}
}
