//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

// proposed opens a merge request and plays its pipeline.
func proposed(t *testing.T, carrel, title string, changes ...story.Change) (story.MergeRequest, story.Checked) {
	t.Helper()
	request, err := forge.Propose(fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()), title, changes...)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := forge.Check(t.Context(), carrel, request)
	if err != nil {
		t.Fatal(err)
	}
	return request, checked
}

// Before a request is merged it says what merging it does: in a comment, kept up
// to date, that names whom the change names, and in a commit status.
//
// A check reports every fault of the repository, also those that other tests merge on
// purpose, so nothing runs beside this test.
func TestRequestSaysWhatItDoes(t *testing.T) {
	carrel, err := cluster.BuildCarrel(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	joins, err := story.NewStudent.Joins(repository)
	if err != nil {
		t.Fatal(err)
	}
	request, checked := proposed(t, carrel, "Add "+story.NewStudent.User, joins)
	if want := (story.CommitStatus{Context: story.CheckContext, State: "success", Description: "prog1: 1 added"}); checked.Status != want {
		t.Errorf("the request's status is %+v, want %+v", checked.Status, want)
	}
	mentions(t, checked.Comment, "### prog1: 1 added", "26t0999 (Kanda Sora), code-server, section a")
	if strings.Contains(checked.Comment, "26t0001") {
		t.Errorf("the comment names others:\n%s", checked.Comment)
	}
	again, err := forge.Check(t.Context(), carrel, request)
	if err != nil {
		t.Fatal(err)
	}
	if again.Comment != checked.Comment {
		t.Errorf("the second run changed the comment:\n%s", again.Comment)
	}

	lines := strings.SplitAfter(string(rosterOf(t, classCourse).Content), "\n")
	cut := story.Change{Path: story.RosterPath(classCourse), Content: []byte(strings.Join(lines[:101], ""))}
	_, checked = proposed(t, carrel, "Cut the file off", cut)
	if checked.Status.State != "failure" {
		t.Errorf("a removal of most passes: %+v", checked.Status)
	}
	mentions(t, checked.Comment, "Must not be merged as it is: a removal that is not confirmed", "would remove 200 of 300 students", "spec.guard.confirm:")

	_, checked = proposed(t, carrel, "Slip", story.Change{Path: story.RosterPath(classCourse), Content: []byte("name\n" + strings.Join(lines[1:], ""))})
	if checked.Status.State != "failure" {
		t.Errorf("a roster that can't be read passes: %+v", checked.Status)
	}
	mentions(t, checked.Comment, "nothing happens until what is wrong is mended", "user")
}

func mentions(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("it does not say %q:\n%s", word, text)
		}
	}
}
