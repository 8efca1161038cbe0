package reporter

import (
	"testing"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

const forbidden = `Template/prog1/evil dry-run failed (Forbidden): templates.carrel.dev "evil" is forbidden: User "roster" cannot patch`

const said = `Template/evil dry-run failed (Forbidden): User "roster" cannot patch`

func TestFirstSyncThatFailsIsReportedWithoutACourse(t *testing.T) {
	w := newWorld(t)
	w.withoutCourse(v1alpha1.CourseLabel)
	commit := w.forge.Commit("the first")
	w.applies("templates", commit, "templates1")
	w.fails("roster", commit, fluxmeta.ReconciliationFailedReason, forbidden)
	w.reconcile()
	w.expect(commit, failure+"roster: "+said)

	requests := w.forge.Requests()
	w.reconcile()
	if w.forge.Requests() != requests {
		t.Error("the forge was asked again though nothing had changed")
	}
	w.restart()
	w.reconcile()
	w.expect(commit, failure+"roster: "+said)

	// The next commit brings the Course.
	w.create(&v1alpha1.Course{ObjectMeta: w.inCourse(w.course, "roster")})
	w.inventory("roster", "Course/"+w.course)
	next := w.commit("repaired", "roster2", "templates1")
	w.reconcile()
	w.expect(next, success+"no carrels yet")
}

func TestCommitThatTakesTheCourseAway(t *testing.T) {
	const gone = failure + "the Course went with this commit, and 2 carrels with it; their volumes are kept for the time promised"
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	course := w.reported()
	course.Status.Userlands = &v1alpha1.UserlandCounts{Total: 2, Ready: 2}
	if err := w.Status().Update(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	first := w.commit("two students", "roster1", "templates1")
	w.reconcile()
	w.reconcile() // as the status written has it do

	// Deleted by hand: no commit is to blame.
	w.prunes(nil, 0, 1)
	w.withoutCourse(v1alpha1.CourseLabel)
	w.reconcile()
	w.expect(first, success+"2 of 2 ready")

	second := w.commit("no course any more", "nothing", "templates1")
	for range 3 {
		w.reconcile()
	}
	w.expect(second, gone)
	// Nor again for a commit that changes nothing of it, be the reporter another.
	third := w.commit("another course's", "nothing", "templates1")
	w.reconcile()
	w.restart()
	w.reconcile()
	w.expect(third)
	w.expect(second, gone)

	w.create(&v1alpha1.Course{ObjectMeta: w.inCourse(w.course, "roster")})
	w.inventory("roster", "Course/"+w.course)
	back := w.commit("the course is back", "roster1", "templates1")
	w.reconcile()
	w.expect(back, success+"no carrels yet")
}

func TestNamespaceThatIsNoCourseGetsNoReport(t *testing.T) {
	w := newWorld(t)
	w.withoutCourse("something.else")
	commit := w.forge.Commit("the first")
	w.fails("roster", commit, fluxmeta.ReconciliationFailedReason, forbidden)
	w.reconcile()
	w.expect(commit)
}

// withoutCourse takes the Course away and labels the namespace with its name.
func (w *world) withoutCourse(label string) {
	w.Helper()
	if err := w.Delete(w.Context(), w.reported()); err != nil {
		w.Fatal(err)
	}
	w.inventory("roster")
	var namespace corev1.Namespace
	w.get(&namespace, "", w.course)
	namespace.Labels[label] = w.course
	w.update(&namespace)
}

// A failure that is on the commit already is not posted again, be it of this reporter, whose
// post had no answer, or of one before it. The words of one before it stay.
func TestToldBefore(t *testing.T) {
	next := &v1alpha1.ReportStatus{Revision: "A", State: "failure", Description: "new words", Posts: 1}
	intent := &v1alpha1.ReportStatus{Revision: "A", State: "failure", Description: "begun", Posts: 2}
	of := func(state forge.State, words string) *forge.Status {
		return &forge.Status{State: state, Description: words}
	}
	for name, test := range map[string]struct {
		intent *v1alpha1.ReportStatus
		latest *forge.Status
		words  string
		posts  int32
	}{
		"nothing is there":               {intent, nil, "", 0},
		"a success is there":             {intent, of(forge.Success, "begun"), "", 0},
		"the post was made":              {intent, of(forge.Failure, "begun"), "begun", 2},
		"the post was not made":          {intent, of(forge.Failure, "older words"), "", 0},
		"one before this one posted":     {nil, of(forge.Failure, "older words"), "older words", maxWords},
		"the post was on another commit": {&v1alpha1.ReportStatus{Revision: "B"}, of(forge.Failure, "older words"), "older words", maxWords},
	} {
		got := toldBefore(test.intent, next, test.latest)
		if got == nil {
			got = &v1alpha1.ReportStatus{}
		}
		if got.Description != test.words || got.Posts != test.posts {
			t.Errorf("%s: the report is %q with %d posts, want %q with %d", name, got.Description, got.Posts, test.words, test.posts)
		}
	}
}
