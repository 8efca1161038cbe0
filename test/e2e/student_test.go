//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/chromium"
	"github.com/carrel-dev/carrel/test/story"
)

// The main job: a teacher merges one line, the student comes, and their IDE opens
// in a browser; and the commit is green for the course it concerns and no other.
func TestMergedStudentGetsACarrel(t *testing.T) {
	student := story.NewStudent
	l := use(t, student.Course)
	joins, err := student.Joins(repository)
	if err != nil {
		t.Fatal(err)
	}
	commit := l.mergeUnseen("Add "+student.User, joins)
	reach(t,
		story.Synced(forge, c, commit),
		story.Applied(forge, c, student.Course, commit),
		story.Asleep(c, student.Course, student.Userland()),
		story.Reported(forge, student.Course, commit, "success"),
	)
	made := kubectl(t, "get", "deployments,services", "-n", student.Course, "-l", v1alpha1.UserlandLabel+"="+student.Userland(), "-o", "name")
	if strings.TrimSpace(made) != "" {
		t.Errorf("nobody opened the carrel, and there is %s", made)
	}
	if err := story.Arrive(t.Context(), c, student.Course, student.Userland(), time.Now()); err != nil {
		t.Fatal(err)
	}
	reach(t,
		story.Ready(c, student.Course, student.Userland()),
		story.Answered(c, student.Course, student.Userland(), student.Page),
	)
	address, err := story.Address(t.Context(), c, student.Course, student.Userland())
	if err != nil {
		t.Fatal(err)
	}
	page := chromium.Start(t).MustPage(address)
	reach(t, editor(page)...)
	chromium.Keep(t, page, t.Name())
	onlyReported(t, commit, student.Course)

	gone := l.mergeUnseen("Drop "+student.User, rosterOf(t, student.Course))
	reach(t, story.Reported(forge, student.Course, gone, "success"))
}

// rosterOf is the roster as it is in the repository.
func rosterOf(t *testing.T, course string) story.Change {
	t.Helper()
	text, err := story.Roster(repository, course)
	if err != nil {
		t.Fatal(err)
	}
	return story.Change{Path: story.RosterPath(course), Content: []byte(text)}
}

// onlyReported checks that the commit, which concerns one course, got statuses
// from that one alone. All courses have seen the commit by then or will post
// nothing on it later either: what they render is what they rendered before.
func onlyReported(t *testing.T, commit, course string) {
	t.Helper()
	for _, other := range slices.Concat(story.Courses, scratchCourses) {
		if other == course {
			continue
		}
		reach(t, story.Applied(forge, c, other, commit))
		statuses, err := forge.CourseStatuses(other, commit)
		if err != nil {
			t.Fatal(err)
		}
		if len(statuses) > 0 {
			t.Errorf("%s reported %q on a commit that does not touch it", other, statuses)
		}
	}
}

// The other kind of carrel: two programs in a pod, each student's own database.
func TestDatabaseAnswers(t *testing.T) {
	use(t, "database")
	reach(t, story.Answered(c, "database", runningUserland(t, "database"), "phpMyAdmin"))
}
