package report

import (
	"testing"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const forbidden = `Template/prog1/evil dry-run failed (Forbidden): templates.carrel.dev "evil" is forbidden: User "roster" cannot patch`

const said = `Template/prog1/evil dry-run failed (Forbidden): User "roster" cannot patch`

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
