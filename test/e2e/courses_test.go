//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

const (
	// sandbox is the course that scratch courses are copies of.
	sandbox = "sandbox"
	// classCourse is the course of 300.
	classCourse = "prog1"
)

// scratchCourses are copies of the sandbox, in the pushed repository only, for tests
// that run beside each other.
var scratchCourses = []string{"sandbox-2", "sandbox-3", "sandbox-4", "sandbox-5", "sandbox-6", "sandbox-7"}

// repository is a clone of the work tree's HEAD with the scratch courses on top: what
// was pushed, until the tests change it.
var repository string

// pushWithCourses pushes the repository.
func pushWithCourses(ctx context.Context, root string) error {
	if err := git(ctx, root, "clone", "--quiet", "--shared", ".", repository); err != nil {
		return err
	}
	for _, name := range scratchCourses {
		if err := copyCourse(name); err != nil {
			return fmt.Errorf("make the course %s: %w", name, err)
		}
	}
	for _, arguments := range [][]string{
		{"add", "clusters", "courses"},
		{"-c", "user.name=e2e", "-c", "user.email=e2e@example.ac.jp", "commit", "--quiet", "--message=Add courses for the tests"},
	} {
		if err := git(ctx, repository, arguments...); err != nil {
			return err
		}
	}
	return forge.Push(ctx, repository)
}

func git(ctx context.Context, dir string, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "git", arguments...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", arguments[0], err, out)
	}
	return nil
}

// copyCourse copies the sandbox, and adds the copy to clusters/local.
func copyCourse(name string) error {
	for _, parent := range []string{"courses", "clusters/local/courses"} {
		from, to := filepath.Join(repository, parent, sandbox), filepath.Join(repository, parent, name)
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return err
		}
		err := filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return replace(path, "name: "+sandbox+"\n", "name: "+name+"\n")
		})
		if err != nil {
			return err
		}
	}
	return replace(filepath.Join(repository, "clusters/local/courses/kustomization.yaml"), "  - "+sandbox+"\n", "  - "+sandbox+"\n  - "+name+"\n")
}

func replace(path, old, replacement string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, []byte(old), []byte(replacement)), 0o600)
}

// pool holds the courses that any test may be given.
var pool = make(chan string, len(scratchCourses)+1)

func init() {
	for _, name := range append([]string{sandbox}, scratchCourses...) {
		pool <- name
	}
}

var (
	// class is held by the test that changes prog1.
	class sync.Mutex
	// door is held by tests that visit the gateway, and alone by those that change it.
	door sync.RWMutex
)

// lab is a course as one test has it.
type lab struct {
	t    *testing.T
	name string
	// touched are the files that the test has changed.
	touched map[string]bool
}

// use gives a test a course that it has to itself, or does not change.
func use(t *testing.T, course string) *lab {
	t.Helper()
	t.Logf("works with the course %s", course)
	deadlines.Store(t.Name(), time.Now().Add(testWithin))
	l := &lab{t: t, name: course, touched: map[string]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			l.explain()
			l.restore()
		}
	})
	return l
}

// claim gives a test a course of its own, with three students with terminals, all
// running.
func claim(t *testing.T) *lab {
	t.Helper()
	course := <-pool
	t.Cleanup(func() { pool <- course })
	return use(t, course)
}

// claimClass gives a test the class of 300 to change.
func claimClass(t *testing.T) *lab {
	t.Helper()
	class.Lock()
	t.Cleanup(class.Unlock)
	return use(t, classCourse)
}

// visitGateway keeps the gateway as it is until the test ends. A test that wants a
// course too calls this first, for no two to wait for each other.
func visitGateway(t *testing.T) {
	t.Helper()
	door.RLock()
	t.Cleanup(door.RUnlock)
}

// changeGateway keeps others from visiting the gateway until the test ends.
func changeGateway(t *testing.T) {
	t.Helper()
	door.Lock()
	t.Cleanup(door.Unlock)
}

// in is the lab in a subtest.
func (l *lab) in(t *testing.T) *lab {
	return &lab{t: t, name: l.name, touched: l.touched}
}

// merge proposes changes to the course, has them merged, and returns the merge commit
// once Flux and the reporter have taken notice of it. Changes that other tests have
// ready at the same time are merged by the same commit.
func (l *lab) merge(title string, changes ...story.Change) (commit string) {
	l.t.Helper()
	l.touch(changes)
	commit, leave, err := train.ride(l.t.Context(), story.Commit{Title: title, Changes: changes})
	defer leave()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Logf("merged %q as %s", title, commit)
	reach(l.t, story.Noticed(forge, c, l.name, commit))
	return commit
}

// mergeUnseen is merge for a test that is alone, and waits for nothing.
func (l *lab) mergeUnseen(title string, changes ...story.Change) (commit string) {
	l.t.Helper()
	request := l.propose(title, changes...)
	commit, err := forge.Merge(request)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Logf("merged %q as %s", title, commit)
	return commit
}

// mergeCluster merges changes to the cluster's own files, and waits until Flux has
// applied them.
func (l *lab) mergeCluster(title string, changes ...story.Change) (commit string) {
	l.t.Helper()
	l.touch(changes)
	commit, leave, err := train.ride(l.t.Context(), story.Commit{Title: title, Changes: changes})
	defer leave()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Logf("merged %q as %s", title, commit)
	reach(l.t, story.AppliedBy(forge, c, "flux-system", "cluster", commit), story.AppliedBy(forge, c, "flux-system", "courses", commit))
	return commit
}

func (l *lab) propose(title string, changes ...story.Change) story.MergeRequest {
	l.t.Helper()
	l.touch(changes)
	branch := fmt.Sprintf("%s-%d", strings.ReplaceAll(l.t.Name(), "/", "-"), time.Now().UnixNano())
	request, err := forge.Propose(branch, title, changes...)
	if err != nil {
		l.t.Fatal(err)
	}
	return request
}

// touch remembers the files that the test changes.
func (l *lab) touch(changes []story.Change) {
	for _, change := range changes {
		l.touched[change.Path] = true
	}
}

// restoreWithin bounds what is done for the other tests after one has failed.
const restoreWithin = 2 * time.Minute

// restore brings the files that a failed test has changed back to what was pushed,
// for the tests that come after it.
func (l *lab) restore() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.t.Context()), restoreWithin)
	defer cancel()
	var changes []story.Change
	for path := range l.touched {
		was, err := pushed(path)
		if err != nil {
			l.t.Logf("restore the repository: %v", err)
			return
		}
		is, err := forge.Content(path)
		if err != nil {
			l.t.Logf("restore the repository: %v", err)
			return
		}
		if !bytes.Equal(was, is) || (was == nil) != (is == nil) {
			changes = append(changes, story.Change{Path: path, Content: was})
		}
	}
	if len(changes) == 0 {
		return
	}
	commit, leave, err := train.ride(ctx, story.Commit{Title: "Restore what " + l.t.Name() + " has changed", Changes: changes})
	defer leave()
	if err == nil {
		err = story.Follow(ctx, time.Now(), []story.Milestone{story.Reported(forge, l.name, commit, "success")}, func(e story.Event) { l.t.Logf("%s", e) })
	}
	if err != nil {
		l.t.Logf("the repository is as it was, the course %s is not: %v", l.name, err)
	}
}

// pushed is a file as install pushed it; nil when there is none.
func pushed(path string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(repository, path))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return text, err
}

// student is the file of a student in the course's roster.
func (l *lab) student(name, spec string) story.Change {
	text := "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + name + "\n"
	if spec != "" {
		text += "spec:\n" + spec
	}
	return story.Change{Path: l.path("roster/students/" + name + ".yaml"), Content: []byte(text)}
}

// path is a file of the course.
func (l *lab) path(file string) string { return "courses/" + l.name + "/" + file }

// file is a change of a file of the course.
func (l *lab) file(file, content string) story.Change {
	return story.Change{Path: l.path(file), Content: []byte(content)}
}

// without deletes a file of the course.
func (l *lab) without(file string) story.Change { return story.Change{Path: l.path(file)} }

// edited is a file as it was pushed with some of its text replaced.
func edited(t *testing.T, path, old, replacement string) story.Change {
	t.Helper()
	change := original(t, path)
	if !bytes.Contains(change.Content, []byte(old)) {
		t.Fatalf("%s does not hold %q any more", path, old)
	}
	change.Content = bytes.ReplaceAll(change.Content, []byte(old), []byte(replacement))
	return change
}

// original is a file as it was pushed.
func original(t *testing.T, path string) story.Change {
	t.Helper()
	text, err := pushed(path)
	if err == nil && text == nil {
		err = fmt.Errorf("there is no %s in the repository", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return story.Change{Path: path, Content: text}
}
