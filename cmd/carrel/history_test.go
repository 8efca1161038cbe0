package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
)

func TestHistoryRefusesWhatItCannotKnow(t *testing.T) {
	dir, _ := cloned(t)
	for _, test := range []struct {
		want      string
		arguments []string
	}{
		{`no field is called "foo": name one of [template enabled`, []string{"why", "26t0001", "--field", "foo"}},
		{`no field is called "foo"`, []string{"history", "prog1", "--field", "foo"}},
		{"nobody is named", []string{"why", ""}},
		{`there is no course "nosuch" in HEAD, only [`, []string{"history", "nosuch"}},
		{`there is no course "nosuch"`, []string{"why", "26t0001", "nosuch"}},
		{`git has no events of "nosuch" in [prog1] up to HEAD: give the login`, []string{"why", "nosuch", "prog1"}},
		{"nobody is named", []string{"why", " ", "prog1"}},
	} {
		if out, err := carrel(t, append(test.arguments, "-C", dir)...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("carrel %q: %v, want it to say %q\n%s", test.arguments, err, test.want, out)
		}
	}
	if out, err := carrel(t, "at", "prog1", "--rev", "HEAD", "-C", dir); err != nil || !strings.Contains(out, "prog1: 301 carrels") {
		t.Errorf("a course without a date: %v\n%.200s", err, out)
	}
	if out, err := carrel(t, "why", "26T0001", "prog1", "-C", dir); err != nil || !strings.Contains(out, "26t0001") {
		t.Errorf("a login in upper case: %v\n%s", err, out)
	}
	if out, err := carrel(t, "why", "26t0001", "prog1", "-C", dir, "--field", "section"); err != nil || !strings.Contains(out, "26t0001") {
		t.Errorf("a field there is: %v\n%s", err, out)
	}
}

// TestWhyOfCoursesThatAreGone checks that why finds the students of a removed course, and
// reports a renamed course only once.
func TestWhyOfCoursesThatAreGone(t *testing.T) { //nolint:gocyclo // One story, told in order.
	dir, commit := cloned(t)
	rewrite(t, dir, rosterFile, func(text string) string { return text + "26t0999,Kanda Sora,a,\n" })
	commit("add")
	for from, to := range map[string]string{"courses/database": "courses/sql", "courses/prog1": ""} {
		err := os.RemoveAll(filepath.Join(dir, from))
		if to != "" {
			err = errors.Join(os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join("../..", from))), os.RemoveAll(filepath.Join(dir, from)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	commit("the term is over")
	out, err := carrel(t, "why", "26t0999", "-C", dir)
	if err != nil || strings.Count(out, "added") != 1 || strings.Count(out, "removed") != 1 {
		t.Errorf("why of a student whose course is gone: %v\n%s", err, out)
	}
	const user = "21T0042@stu.example.ac.jp"
	if out, err := carrel(t, "why", user, "-C", dir); err != nil || !strings.Contains(out, "in sql") || strings.Contains(out, "in database") || strings.Contains(out, " removed ") {
		t.Errorf("why of %s, whose course was renamed: %v\n%s", user, err, out)
	}
	t.Chdir(dir)
	for _, arguments := range [][]string{{"why", ""}, {"roster", "remove", "sql", ""}, {"open", ""}, {"status", "--explain", ""}} {
		if out, err := carrel(t, append([]string{"__complete"}, arguments...)...); err != nil || !strings.Contains(out, user+"\n") {
			t.Errorf("%v is completed as %q, %v", arguments, out, err)
		}
	}
	if out, err := carrel(t, "__complete", "status", ""); err != nil || !strings.Contains(out, "sql\n") {
		t.Errorf("the courses are completed as %q, %v", out, err)
	}
}

// TestBareRepository reads a bare repository, as a forge stores it.
func TestBareRepository(t *testing.T) {
	dir, _ := cloned(t)
	bare := filepath.Join(t.TempDir(), "courses.git")
	if _, err := git.PlainClone(bare, true, &git.CloneOptions{URL: dir, ReferenceName: "refs/heads/main"}); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"check", "--rev", "HEAD", "courses/sandbox"}, {"plan", "--cluster", "campus", "--head", "main"}, {"at", "--rev", "main"}, {"history", "prog1"},
	} {
		if out, err := carrel(t, append(arguments, "--repository", bare)...); err != nil {
			t.Errorf("carrel %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
	}
}
