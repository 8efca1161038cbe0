package reporter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// prunes does what Flux does with files that a commit takes away.
func (w *world) prunes(left []string, pruned ...int) {
	w.Helper()
	for _, i := range pruned {
		var u v1alpha1.Userland
		w.get(&u, w.course, fmt.Sprintf("student%d", i))
		if err := w.Delete(w.Context(), &u, client.PropagationPolicy("Background")); err != nil {
			w.Fatal(err)
		}
	}
	w.inventory("roster", append([]string{"Course/" + w.course}, left...)...)
}

// The commit tells how many went, and only the cluster who.
func TestCommitTellsHowManyItsFilesTookAway(t *testing.T) {
	w := newWorld(t)
	w.userlands(5)
	w.runs(0, 1, 2, 3, 4)
	w.commit("five students", "roster1", "templates1")
	w.reconcile()
	w.told()

	w.prunes([]string{"Userland/student0", "Userland/student1"}, 2, 3, 4)
	second := w.commit("two students", "roster2", "templates1")
	w.restart()
	w.reconcile()
	w.expect(second, success+"2 of 2 ready; 3 carrels went with this commit")
	w.expectTold("who went", "Normal Posted success", "Trace Gone student2, student3, student4 went with commit "+abbreviate(second))
	w.expectSilence()

	// Another edit of the same course does not tell it again.
	third := w.commit("a title", "roster3", "templates1")
	w.reconcile()
	w.expect(third, success+"2 of 2 ready")
	w.expectTold("nobody went", "Normal Posted success")

	// Nor does the part that comes later forget it.
	w.prunes([]string{"Userland/student0"}, 1)
	fourth := w.forge.Commit("one student")
	w.applies("roster", fourth, "roster4")
	w.reconcile()
	w.applies("templates", fourth, "templates2")
	w.reconcile()
	w.expect(fourth, pending+"1 of 1 ready; waiting for Flux to apply templates; 1 carrel went with this commit",
		success+"1 of 1 ready; 1 carrel went with this commit")
}

// A file that became a row of the roster took nobody away.
func TestFileThatBecameARowIsNotGone(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	w.commit("two files", "roster1", "templates1")
	w.reconcile()
	w.prunes([]string{"Userland/student0"}) // student1 is marked not to be pruned
	second := w.commit("one file, one row", "roster2", "templates1")
	w.reconcile()
	w.expect(second, success+"2 of 2 ready")
}

// While a commit's report goes on, what is said of it stays.
func TestFilesOfAReportThatGoesOn(t *testing.T) {
	last := &v1alpha1.ReportStatus{Revision: "A", Files: []string{"a", "b"}, Gone: 1}
	files := filesOf(Aim{Revision: "A"}, last, []string{"a"}, nil)
	if diff := cmp.Diff(Files{Names: []string{"a", "b"}, Gone: 1}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestManyFiles(t *testing.T) {
	var names []string
	for i := range maxFiles + 1 {
		names = append(names, fmt.Sprintf("student%04d", i))
	}
	if kept := filesOf(Aim{New: true}, nil, names, nil).Names; len(kept) != 0 {
		t.Errorf("%d names are kept, want none: there are more than %d", len(kept), maxFiles)
	}
	last := &v1alpha1.ReportStatus{Revision: "A", Files: names[:12]}
	files := filesOf(Aim{New: true, Revision: "B"}, last, nil, nil)
	if diff := cmp.Diff(Files{Left: names[:12], Gone: 12}, files); diff != "" {
		t.Errorf("all files gone (-want +got):\n%s", diff)
	}
	w := newWorld(t)
	w.reporter.bidFarewell(w.reported(), &destination{}, Decision{Left: files.Left, Report: last})
	if told := w.told(); len(told) != 1 || !strings.Contains(told[0], "student0009 and 2 more went") {
		t.Errorf("the event is %q, want it to name ten and count two more", told)
	}
}
