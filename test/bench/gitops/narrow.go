package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// narrow measures what a teacher and a pipeline wait for: the whole run of the
// program on a clone.
func narrow(dir, repository string, rounds int) error {
	program, clone := filepath.Join(dir, "carrel"), filepath.Join(dir, "clone")
	course := "courses/" + name(0)
	for _, command := range [][]string{
		{"go", "build", "-o", program, "./cmd/carrel"},
		{"git", "init", "--quiet", "--initial-branch=main", repository},
		{"git", "-C", repository, "add", "--all"},
		commit(repository, "All courses"),
		{"git", "-C", repository, "checkout", "--quiet", "-b", "change"},
		{"sh", "-c", "echo 26t8888,Kanda Sora,,a >> " + filepath.Join(repository, course, "roster/roster.csv")},
		{"git", "-C", repository, "add", "--all"},
		commit(repository, "One row"),
		{"git", "clone", "--quiet", "--no-local", "--branch=change", repository, clone},
		{"git", "-C", clone, "branch", "--quiet", "main", "origin/main"},
	} {
		if _, err := do(command...); err != nil {
			return err
		}
	}
	for _, one := range []struct {
		name, want string
		command    []string
	}{
		{"carrel --help, for the start", "check", []string{program, "--help"}},
		{"carrel check of one course", "0 errors", []string{program, "check", "--repository", clone, course}},
		{"carrel check --rev of one course", "0 errors", []string{program, "check", "--repository", clone, "--rev", "HEAD", course}},
		{"carrel plan of one row", "26t8888", []string{program, "plan", "--repository", clone}},
	} {
		var taken measures
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
		taken.print(one.name, nil)
	}
	return nil
}

func commit(repository, subject string) []string {
	return []string{"git", "-C", repository, "-c", "user.name=teacher", "-c", "user.email=teacher@example.org", "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", subject}
}

func do(command ...string) (string, error) {
	var out bytes.Buffer
	run := exec.Command(command[0], command[1:]...)
	run.Stdout, run.Stderr = &out, os.Stderr
	if err := run.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return out.String(), nil
}
