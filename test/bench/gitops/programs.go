package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// programs measures what a teacher and a pipeline wait for: the whole run of the program
// on a clone. It compares them with the builds of kustomize, and why with git.
func (l layout) programs(dir, repository string, rounds int, built *measures) error {
	program, clone := filepath.Join(dir, "carrel"), filepath.Join(dir, "clone")
	course := "courses/" + name(0)
	roster := course + "/roster/roster.csv"
	if err := l.commitAll(repository, roster); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/carrel"},
		{"git", "clone", "--quiet", "--no-local", "--branch=change", repository, clone},
		{"git", "-C", clone, "branch", "--quiet", "main", "origin/main"},
	} {
		if _, err := do(command...); err != nil {
			return err
		}
	}
	if file, err := os.Stat(program); err == nil {
		fmt.Printf("%-34s %.1f MB\n", "the program", float64(file.Size())/1e6)
	}
	var logged measures
	for _, one := range []struct {
		name, want string
		with       *measures
		taken      *measures
		command    []string
	}{
		{"carrel --help, for the start", "check", nil, nil, []string{program, "--help"}},
		{"carrel check of one course", "0 errors", built, nil, []string{program, "check", "-C", clone, course}},
		{"carrel check --rev of one course", "0 errors", built, nil, []string{program, "check", "-C", clone, "--rev", "HEAD", course}},
		{"carrel plan of one row", "26t8888", built, nil, []string{program, "plan", "-C", clone}},
		{"git log -p of a roster", "+26t8888", nil, &logged, []string{"git", "-C", clone, "log", "-p", "--first-parent", "--", roster}},
		{"carrel why of a student", "section", &logged, nil, []string{program, "why", "-C", clone, user(l.students / 2), name(0)}},
	} {
		taken := one.taken
		if taken == nil {
			taken = &measures{}
		}
		for range rounds {
			err := taken.take(func() error {
				out, err := do(one.command...)
				if err == nil && !strings.Contains(out, one.want) {
					err = fmt.Errorf("%s says nothing of %q: %s", one.name, one.want, out)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		taken.print(one.name, one.with)
	}
	return nil
}

// commitAll makes a git repository of a directory. Its branch main has the versions of
// the first course's roster, and its branch change one row more.
func (l layout) commitAll(repository, roster string) error {
	versions := l.versions
	if l.files {
		versions = 1
	}
	for _, command := range [][]string{
		{"git", "init", "--quiet", "--initial-branch=main", repository},
		{"git", "-C", repository, "add", "--all"},
		commit(repository, "All courses"),
	} {
		if _, err := do(command...); err != nil {
			return err
		}
	}
	if err := l.fill(repository, roster, versions); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"git", "-C", repository, "checkout", "--quiet", "--force", "-b", "change", "main"},
		{"sh", "-c", "echo 26t8888,Kanda Sora,a, >> " + filepath.Join(repository, roster)},
		{"git", "-C", repository, "add", "--all"},
		commit(repository, "One row"),
	} {
		if _, err := do(command...); err != nil {
			return err
		}
	}
	return nil
}

// fill commits versions of the roster to main.
func (l layout) fill(repository, roster string, versions int) error {
	var input bytes.Buffer
	for version := 1; version < versions; version++ {
		text, from := l.roster(version), ""
		if version == 1 {
			from = "from refs/heads/main^0\n"
		}
		fmt.Fprintf(&input, "commit refs/heads/main\ncommitter Teacher <teacher@example.org> %d +0000\ndata 11\nAnother row\n%sM 100644 inline %s\ndata %d\n%s\n",
			1_800_000_000+60*version, from, roster, len(text), text)
	}
	run := exec.Command("git", "-C", repository, "fast-import", "--quiet", "--force")
	run.Stdin, run.Stderr = &input, os.Stderr
	return run.Run()
}

func commit(repository, subject string) []string {
	return []string{"git", "-C", repository, "-c", "user.name=teacher", "-c", "user.email=teacher@example.org", "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", subject}
}

func do(command ...string) (string, error) {
	var out bytes.Buffer
	run := exec.Command(command[0], command[1:]...)
	run.Stdout, run.Stderr = &out, os.Stderr
	run.Env = append(os.Environ(), "CGO_ENABLED=0") // as the program is released
	if err := run.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return out.String(), nil
}
