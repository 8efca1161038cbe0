//go:build e2e

package e2e

import (
	"testing"

	"github.com/carrel-dev/carrel/test/story"
)

// The main job: a teacher merges one file, and the student's IDE opens in a
// browser, and the commit is green for the course it concerns and for no other.
func TestMergedStudentGetsACarrel(t *testing.T) {
	student := story.NewStudent
	commit := merge(t, "Add "+student.Name, student.File())
	reach(t,
		story.Synced(c, commit),
		story.Applied(c, student.Course, commit),
		story.ReportedFirst(forge, student.Course, commit, "pending"),
		story.Ready(c, student.Course, student.Name),
		story.Answered(c, student.Course, student.Name, student.Page),
		story.Reported(forge, student.Course, commit, "success"),
	)
	address, err := story.Address(t.Context(), c, student.Course, student.Name)
	if err != nil {
		t.Fatal(err)
	}
	openEditor(t, address)
	onlyReported(t, commit, student.Course)

	gone := merge(t, "Drop "+student.Name, story.Change{Path: student.File().Path})
	reach(t, story.Reported(forge, student.Course, gone, "success"))
}

// onlyReported checks that the commit, which concerns one course, got statuses
// from that one alone. All courses have seen the commit by then or will post
// nothing on it later either: what they render is what they rendered before.
func onlyReported(t *testing.T, commit, course string) {
	t.Helper()
	for _, other := range story.Courses {
		if other == course {
			continue
		}
		reach(t, story.Applied(c, other, commit))
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
	reach(t, story.Answered(c, "database", runningUserland(t, "database"), "phpMyAdmin"))
}
