package reporter

import (
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// comes has Flux bring both parts of the course to a commit.
func (w *world) comes(hash, roster, templates string) {
	w.Helper()
	w.applies("roster", hash, roster)
	w.applies("templates", hash, templates)
}

// The commits that Flux passed and that touch the course, also through a base, are marked.
// Those of other courses are not.
func TestMarkBelongsToTheCommitThatChangedTheCourse(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	first := w.forge.Write("first", map[string]string{
		"courses/own/templates/kustomization.yaml": "resources: [../../../base/ide]\n", "base/ide/kustomization.yaml": "resources: [template.yaml]\n",
	})
	w.comes(first, "r1", "t1")
	w.reconcile()
	before := w.forge.Requests()
	row := w.forge.Write("a row", map[string]string{"courses/own/roster/roster.csv": "u2"})
	foreign := w.forge.Write("another course", map[string]string{"courses/owner/roster/roster.csv": "x"})
	base := w.forge.Write("the base", map[string]string{"base/ide/template.yaml": "image: 2"})
	last := w.forge.Write("another course again", map[string]string{"courses/owner/roster/roster.csv": "y"})
	w.comes(last, "r2", "t2")
	w.reconcile()
	w.expect(base, success+"1 of 1 ready")
	w.expect(row, pending+"superseded by "+abbreviate(base)+", which has it")
	w.expect(foreign)
	w.expect(last)
	// One list of commits, three kustomization.yaml files, four commits, two statuses.
	if n := w.forge.Requests() - before; n > 12 {
		t.Errorf("%d requests for four commits, want at most 12", n)
	}
	w.expectSilence()
}

// A commit alone costs one request more than its statuses do.
func TestRequestsOfACommit(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	w.commit("first", "r1", "t1")
	w.reconcile()
	before := w.forge.Requests()
	w.commit("second", "r2", "t1")
	w.reconcile()
	if n := w.forge.Requests() - before; n != 3 {
		t.Errorf("%d requests, want 3: the commits between, the statuses there are, and the status", n)
	}
	for range 20 {
		w.comes(w.forge.Write(w.now.String(), map[string]string{"courses/other/x": w.now.String()}), "r2", "t1")
		w.pass(1e9)
		w.reconcile()
	}
	if n := w.forge.Requests() - before; n != 3 {
		t.Errorf("%d requests after 20 commits of others, want 3", n)
	}
}

// A failure that no commit of the course caused does not go to a commit of another course.
func TestForeignCommitIsNotBlamed(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	first := w.commit("first", "r1", "t1")
	w.reconcile()
	foreign := w.forge.Write("another course", map[string]string{"courses/other/roster.csv": "x"})
	w.fails("roster", foreign, fluxmeta.BuildFailedReason, "the API server does not answer")
	w.reconcile()
	w.expect(foreign)
	w.expect(first, success+"1 of 1 ready", failure+"roster: the API server does not answer")
}

// Flux retries what it could not apply at whatever commit is the newest then. The mark stays
// on the commit that changed the course.
func TestForeignCommitDoesNotTakeOverARetry(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	w.commit("first", "r1", "t1")
	w.reconcile()
	own := w.forge.Write("a row", map[string]string{"courses/own/roster/roster.csv": "u2"})
	w.applies("templates", own, "t1")
	w.fails("roster", own, fluxmeta.BuildFailedReason, "a webhook does not answer")
	w.reconcile()
	w.expect(own, failure+"roster: a webhook does not answer")
	foreign := w.forge.Write("another course", map[string]string{"courses/other/roster.csv": "x"})
	w.comes(foreign, "r2", "t1")
	w.reconcile()
	w.expect(foreign)
	w.expect(own, failure+"roster: a webhook does not answer", success+"1 of 1 ready")
	w.expectSilence()
}

// A commit to another course has Flux apply this one again. What it forgot stays said.
func TestForeignCommitDoesNotHideAForgottenCarrel(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	w.now = metav1.Now().Add(1e9)
	commit := w.commit("drop one", "r1", "t1")
	w.inventory("roster", "Course/"+w.course, "Userland/student0")
	w.reconcile()
	w.pass(forgottenAfter + 1e9)
	w.reconcile()
	foreign := w.forge.Write("another course", map[string]string{"courses/other/roster.csv": "x"})
	w.comes(foreign, "r1", "t1")
	w.editKustomization("roster", func(k *kustomizev1.Kustomization) {
		k.Status.Conditions[0].Status, k.Status.Conditions[0].Reason = metav1.ConditionUnknown, fluxmeta.ProgressingReason
	})
	w.reconcile()
	w.comes(foreign, "r1", "t1")
	w.reconcile()
	w.expect(foreign)
	w.expect(commit, success+"2 of 2 ready", failure+describeForgotten(1))
	w.expectOutOfSync(v1alpha1.ForgottenReason)
	w.expectSilence()
}

// However often commits to other courses have Flux apply this one again, what it forgot is
// said a minute after it began to apply what it applies.
func TestBusyRepositoryDoesNotPutOffAForgottenCarrel(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	w.now = metav1.Now().Add(1e9)
	commit := w.commit("drop one", "r1", "t1")
	w.inventory("roster", "Course/"+w.course, "Userland/student0")
	w.reconcile()
	for range 4 {
		w.pass(forgottenAfter / 3)
		w.comes(w.forge.Write("another course", map[string]string{"courses/other/roster.csv": w.now.String()}), "r1", "t1")
		w.reconcile()
	}
	w.expect(commit, success+"2 of 2 ready", failure+describeForgotten(1))
	w.expectOutOfSync(v1alpha1.ForgottenReason)
	w.pass(1e9)
	w.commit("put it back", "r2", "t1")
	w.inventory("roster", "Course/"+w.course, "Userland/student0", "Userland/student1")
	w.reconcile()
	w.expectOutOfSync("")
	w.pass(forgottenAfter + 1e9)
	w.commit("drop it again", "r1", "t1")
	w.inventory("roster", "Course/"+w.course, "Userland/student0")
	w.reconcile()
	w.pass(forgottenAfter - 1e9)
	w.reconcile()
	w.expectOutOfSync("")
	w.pass(2e9)
	w.reconcile()
	w.expectOutOfSync(v1alpha1.ForgottenReason)
}

// What Flux applied and forgot is said on the commit and on the Course, with the cure.
func TestForgottenCarrelIsSaid(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	w.now = metav1.Now().Add(1e9)
	commit := w.commit("drop one", "r1", "t1")
	w.inventory("roster", "Course/"+w.course, "Userland/student0")
	for _, wait := range []time.Duration{forgottenAfter, forgottenAfter / 3} {
		if got := w.reconcile(); got != wait {
			t.Errorf("the reporter looks again in %v, want %v", got, wait)
		}
		w.pass(2 * forgottenAfter / 3)
	}
	w.reconcile()
	w.expect(commit, success+"2 of 2 ready", failure+describeForgotten(1))
	w.expectOutOfSync(v1alpha1.ForgottenReason)
	w.expectSilence()
	w.inventory("roster", "Course/"+w.course, "Userland/student0", "Userland/student1")
	w.reconcile()
	w.expect(commit, success+"2 of 2 ready", failure+describeForgotten(1), success+"2 of 2 ready")
	w.expectOutOfSync("")
}

// Flux did not forget what it did not apply, what another Kustomization lists, and what goes.
func TestWhatFluxDidNotForget(t *testing.T) {
	w := newWorld(t)
	w.now = metav1.Now().Add(1e9)
	row := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "row"}}
	going := &v1alpha1.Userland{ObjectMeta: w.inCourse("going", "roster")}
	going.Finalizers = []string{"example.org/wait"}
	elsewhere := &v1alpha1.Userland{ObjectMeta: w.inCourse("elsewhere", "shared")}
	elsewhere.Labels[ownerNamespaceLabel] = w.flux
	for _, u := range []*v1alpha1.Userland{row, going, elsewhere} {
		w.create(u)
	}
	if err := w.Delete(t.Context(), going); err != nil {
		t.Fatal(err)
	}
	shared := &kustomizev1.Kustomization{ObjectMeta: w.inFlux("shared"), Spec: kustomizev1.KustomizationSpec{
		Interval:  metav1.Duration{Duration: time.Hour},
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: "carrel"},
	}}
	w.create(shared)
	shared.Status = *lists("none").Status.DeepCopy()
	shared.Status.Inventory.Entries[0].ID = w.course + "_elsewhere_carrel.dev_Userland"
	shared.Status.Conditions[0].Reason, shared.Status.Conditions[0].LastTransitionTime = fluxmeta.ReconciliationSucceededReason, metav1.Now()
	shared.Status.History[0].LastReconciled = metav1.NewTime(w.now)
	if err := w.Status().Update(t.Context(), shared); err != nil {
		t.Fatal(err)
	}
	w.commit("first", "r1", "t1")
	w.reconcile()
	w.pass(2 * forgottenAfter)
	w.reconcile()
	w.expectOutOfSync("")
}

// An inventory that Flux is writing may be short. What is missing in it is said once Flux is done.
func TestNothingIsForgottenWhileFluxIsAtWork(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	w.now = metav1.Now().Add(1e9)
	commit := w.commit("drop one", "r1", "t1")
	w.inventory("roster", "Course/"+w.course, "Userland/student0")
	w.editKustomization("roster", func(k *kustomizev1.Kustomization) {
		k.Status.Conditions[0].Status, k.Status.Conditions[0].Reason = metav1.ConditionUnknown, fluxmeta.ProgressingReason
	})
	w.reconcile()
	w.pass(2 * forgottenAfter)
	w.reconcile()
	w.expectOutOfSync("")
	w.applies("roster", commit, "r1")
	w.reconcile()
	w.expectOutOfSync(v1alpha1.ForgottenReason)
}

func TestSuspendedKustomizationIsSaid(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	commit := w.commit("first", "r1", "t1")
	w.reconcile()
	w.pass(updateEvery)
	w.suspend("roster", true)
	w.reconcile()
	w.expect(commit, success+"1 of 1 ready", success+"1 of 1 ready; roster is suspended")
	w.expectOutOfSync(v1alpha1.SyncSuspendedReason)
	w.expectSilence()
}

func TestCourseThatFluxNoLongerAppliesIsSaid(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	commit := w.commit("first", "r1", "t1")
	w.reconcile()
	for _, name := range []string{"roster", "templates"} {
		if err := w.Delete(w.Context(), &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	w.reconcile()
	w.expect(commit, success+"1 of 1 ready", success+describeSyncGone("1 of 1 ready"))
	w.expectOutOfSync(v1alpha1.SyncGoneReason)
	w.expectSilence()
}

func (w *world) suspend(kustomization string, suspend bool) {
	w.Helper()
	var k kustomizev1.Kustomization
	w.get(&k, w.course, kustomization)
	k.Spec.Suspend = suspend
	w.update(&k)
}

func (w *world) expectOutOfSync(reason string) {
	w.Helper()
	got := ""
	for _, condition := range w.reported().Status.Conditions {
		if condition.Type == v1alpha1.OutOfSyncCondition {
			got = condition.Reason
		}
	}
	if got != reason {
		w.Errorf("the reason of OutOfSync is %q, want %q", got, reason)
	}
}
