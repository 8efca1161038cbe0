package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repository is a clone of this repository that becomes the repository of a cluster.
type Repository struct {
	// Dir is the clone's directory.
	Dir string
}

// Clone clones the committed state of the work tree at root into a new directory.
func Clone(ctx context.Context, root, dir string) (Repository, error) {
	r := Repository{Dir: dir}
	return r, git(ctx, root, "clone", "--quiet", "--no-tags", "--shared", ".", dir)
}

// Git runs a command of git in the clone.
func (r Repository) Git(ctx context.Context, arguments ...string) error {
	return git(ctx, r.Dir, arguments...)
}

func git(ctx context.Context, dir string, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "git", arguments...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", arguments[0], err, out)
	}
	return nil
}

// Put writes a file.
func (r Repository) Put(path, text string) error {
	return os.WriteFile(filepath.Join(r.Dir, path), []byte(text), 0o600)
}

// Replace replaces a text in a file. It returns an error unless the file has the text so
// many times.
func (r Repository) Replace(path string, times int, old, replacement string) error {
	text, err := os.ReadFile(filepath.Join(r.Dir, path))
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), old); n != times {
		return fmt.Errorf("%s has %q %d times, want %d", path, old, n, times)
	}
	return r.Put(path, strings.ReplaceAll(string(text), old, replacement))
}

// StudentPath is the file of a student of a course whose roster has a file for each.
func StudentPath(course, user string) string {
	return "courses/" + course + "/roster/students/" + user + ".yaml"
}

// StudentFile returns the content of the file at StudentPath.
func StudentFile(user string) string {
	return "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + user + "\n"
}

// Commit commits all changes under the name of an author.
func (r Repository) Commit(ctx context.Context, author, message string) error {
	if err := r.Git(ctx, "add", "--all"); err != nil {
		return err
	}
	return r.Git(ctx, "-c", "user.name="+author, "-c", "user.email="+author+"@example.ac.jp", "commit", "--quiet", "--message="+message)
}
