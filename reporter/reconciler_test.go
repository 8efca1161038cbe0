package reporter

import (
	"net/http"
	"testing"
	"time"

	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
)

func TestReportsFromPendingToSuccess(t *testing.T) {
	w := newWorld(t)
	w.userlands(3)
	commit := w.commit("add three students", "roster1", "templates1")

	w.reconcile()
	w.expect(commit, pending+"0 of 3 ready, 3 starting")
	w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason, "pending", abbreviate(commit))

	w.pass(3 * time.Second)
	w.runs(0)
	if after := w.reconcile(); after != 27*time.Second {
		t.Errorf("progress 3 s after the last is recorded in %v, want 27s", after)
	}
	w.runs(1)
	w.pass(57 * time.Second)
	w.reconcile()
	w.expect(commit, pending+"0 of 3 ready, 3 starting", pending+"2 of 3 ready, 1 starting")

	w.runs(2)
	w.reconcile()
	w.expect(commit, pending+"0 of 3 ready, 3 starting", pending+"2 of 3 ready, 1 starting", success+"3 of 3 ready")
	w.expectSilence()
}

// Whoever has put a token right need not wait.
func TestRequestedReconcileTriesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	commit := w.commit("first", "roster1", "templates1")
	w.forge.SetToken("another")
	w.reconcile()
	w.expectCondition(metav1.ConditionFalse, v1alpha1.UnauthorizedReason)
	w.forge.SetToken(giteatest.Token)
	w.pass(time.Second)
	if after := w.reconcile(); after <= 0 {
		t.Fatalf("the next try is due after %v, want it later", after)
	}
	w.editCourse(func(c *v1alpha1.Course) { c.Annotations[fluxmeta.ReconcileRequestAnnotation] = "2026-11-23T10:00:00Z" })
	w.reconcile()
	w.expect(commit, pending+"0 of 1 ready, 1 starting")
	w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason)
}

// Neither a restart of the reporter nor time passing without an event makes it
// forget a commit that does not get on.
func TestCommitThatDoesNotGetOnFails(t *testing.T) {
	w := newWorld(t)
	w.userlands(3)
	w.runs(0)
	w.becomes(1, v1alpha1.StateStarting, v1alpha1.VolumePendingReason)
	w.becomes(2, v1alpha1.StateStarting, v1alpha1.VolumePendingReason)
	commit := w.commit("add three students", "roster1", "templates1")
	w.reconcile()
	w.pass(10 * time.Minute)
	w.restart()
	if after := w.reconcile(); after != 5*time.Minute {
		t.Errorf("10 min after the last progress the commit is looked at again after %v, want 5m", after)
	}
	w.pass(5 * time.Minute)
	w.restart()
	w.reconcile()
	late := failure + "not ready after 15 min without progress: 2 of 3, commonest cause VolumePending (2)"
	w.expect(commit, pending+"1 of 3 ready, 2 starting", late)
	w.expectSilence()

	w.runs(1)
	w.reconcile()
	w.runs(2)
	w.reconcile()
	w.expect(commit, pending+"1 of 3 ready, 2 starting", late, success+"3 of 3 ready")
}

func TestReportsFailureWithCauses(t *testing.T) {
	w := newWorld(t)
	w.userlands(3)
	w.runs(0)
	w.becomes(1, v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason)
	w.becomes(2, v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason)
	commit := w.commit("name an image that does not exist", "roster1", "templates1")

	w.reconcile()
	w.expect(commit, failure+"2 of 3 need attention: ImagePullBackOff 2")
	w.expectSilence()

	w.runs(1, 2)
	w.reconcile()
	w.expect(commit, failure+"2 of 3 need attention: ImagePullBackOff 2", success+"3 of 3 ready")
}

func TestCommitThatDoesNotTouchTheCourseGetsNothing(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	first := w.commit("ours", "roster1", "templates1")
	w.reconcile()
	other := w.commit("another course's", "roster1", "templates1")
	w.reconcile()

	w.expect(first, success+"1 of 1 ready")
	w.expect(other)
	w.expectSilence()
}

func TestTemplateEditIsReportedWhenTheCarrelsFollow(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0, 1)
	w.commit("first", "roster1", "templates1")
	w.reconcile()

	var template v1alpha1.Template
	w.get(&template, w.course, "ide")
	template.Spec.Template.Spec.Containers[0].Image = "ide:2"
	w.update(&template)
	second := w.commit("a new image", "roster1", "templates2")
	w.reconcile()
	w.expect(second, pending+"0 of 2 ready, 2 starting")
	w.runs(0, 1)
	w.reconcile()
	w.expect(second, pending+"0 of 2 ready, 2 starting", success+"2 of 2 ready")
}

func TestSupersededCommitSaysWhichCameInstead(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	first := w.commit("first", "roster1", "templates1")
	w.reconcile()
	second := w.commit("second", "roster2", "templates1")
	w.reconcile()

	w.expect(first, pending+"0 of 2 ready, 2 starting", pending+"superseded by "+abbreviate(second)+", which has it")
	w.expect(second, pending+"0 of 2 ready, 2 starting")
}

func TestSupersededCommitMayBeGone(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	first := w.commit("first", "roster1", "templates1")
	w.reconcile()
	w.forge.Forget(first)
	second := w.commit("second", "roster2", "templates1")
	w.reconcile()
	w.expect(second, pending+"0 of 2 ready, 2 starting")
}

func TestSuccessWaitsForTheOtherKustomization(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	w.commit("first", "roster1", "templates1")
	w.reconcile()

	second := w.forge.Commit("second")
	w.applies("roster", second, "roster2")
	w.reconcile()
	w.expect(second, pending+"1 of 1 ready; waiting for Flux to apply templates")
	w.applies("templates", second, "templates1")
	w.reconcile()
	w.expect(second, pending+"1 of 1 ready; waiting for Flux to apply templates", success+"1 of 1 ready")
}

func TestCommitFluxCouldNotApply(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	w.commit("first", "roster1", "templates1")
	w.reconcile()

	bad := w.forge.Commit("a broken file")
	w.applies("templates", bad, "templates1")
	w.fails("roster", bad, fluxmeta.BuildFailedReason,
		"kustomize build failed: MalformedYAMLError: yaml: line 3: mapping values are not allowed in File: students/student0.yaml; user student0")
	w.reconcile()
	want := failure + "roster: kustomize build failed: MalformedYAMLError: yaml: line 3: mapping values are not allowed in File: students/….yaml; user …"
	w.expect(bad, want)
	w.expectSilence()

	// Another course's commit changes nothing of that.
	other := w.forge.Commit("another course's")
	w.applies("templates", other, "templates1")
	w.fails("roster", other, fluxmeta.BuildFailedReason,
		"kustomize build failed: MalformedYAMLError: yaml: line 3: mapping values are not allowed in File: students/student0.yaml; user student0")
	w.reconcile()
	w.expect(other)

	repaired := w.commit("the file repaired", "roster1", "templates1")
	w.reconcile()
	w.expect(repaired, success+"1 of 1 ready")
	w.expect(bad, want)
}

func TestPassingTroubleOfFluxIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	w.commit("first", "roster1", "templates1")
	w.reconcile()
	second := w.forge.Commit("second")
	w.applies("roster", second, "roster1")
	for _, reason := range []string{fluxmeta.DependencyNotReadyReason, fluxmeta.ArtifactFailedReason, fluxmeta.ProgressingReason} {
		w.fails("templates", second, reason, "retrying in 30s")
		w.reconcile()
	}
	w.expect(second)
}

func TestForgeDownForFiveMinutes(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	w.runs(0)
	commit := w.commit("add two students", "roster1", "templates1")
	w.forge.Fail(giteatest.HangUp)

	back := w.now.Add(5 * time.Minute)
	for w.now.Before(back) {
		after := w.reconcile()
		if after <= 0 || after > slowestRetry {
			t.Fatalf("the next try is due in %v, want at most %v", after, slowestRetry)
		}
		w.pass(after)
	}
	w.expectCondition(metav1.ConditionFalse, v1alpha1.ForgeUnavailableReason, w.forge.Address(), "tried again")
	if requests := w.forge.Requests(); requests > 20 {
		t.Errorf("a forge that is down was asked %d times in five minutes, want at most 20", requests)
	}

	w.runs(1)
	w.forge.Fail(nil)
	w.reconcile()
	w.expect(commit, success+"2 of 2 ready")
	w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason)
	w.expectSilence()
}

func TestTroubleWritesTheCourseOnceAndIsNotHurriedByEvents(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"down":                giteatest.HangUp,
		"ill":                 giteatest.Answer(http.StatusInternalServerError),
		"throttling":          giteatest.Throttle(2 * time.Minute),
		"refusing the token":  giteatest.Answer(http.StatusUnauthorized),
		"refusing the status": giteatest.Answer(http.StatusUnprocessableEntity),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.userlands(1)
			w.commit("add a student", "roster1", "templates1")
			w.forge.Fail(fail)
			w.reconcile()
			version, requests := w.reported().ResourceVersion, w.forge.Requests()
			for range 5 {
				w.reconcile() // as an event would
			}
			if more := w.forge.Requests() - requests; more != 0 {
				t.Errorf("the forge was asked %d times before it was due", more)
			}
			w.pass(time.Hour)
			w.reconcile()
			if w.reported().ResourceVersion != version {
				t.Error("a try that failed like the one before wrote the Course again")
			}
		})
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.commit("add a student", "roster1", "templates1")
	w.forge.Fail(giteatest.Throttle(2 * time.Minute))
	w.reconcile()
	if after := w.reconcile(); after != 2*time.Minute {
		t.Errorf("the forge asked for two minutes of rest, the next try is due in %v", after)
	}
}

func TestTokenRevoked(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	commit := w.commit("add a student", "roster1", "templates1")
	w.forge.SetToken("another")

	if after := w.reconcile(); after != personEvery {
		t.Errorf("a revoked token is tried again in %v, want %v", after, personEvery)
	}
	w.expectCondition(metav1.ConditionFalse, v1alpha1.UnauthorizedReason, w.flux+"/"+secretName, "key token")
	requests := w.forge.Requests()
	w.reconcile()
	if w.forge.Requests() != requests {
		t.Error("a revoked token was tried again before it was due")
	}

	// The maintainer renews it; a touched Provider makes it count at once.
	var secret corev1.Secret
	w.get(&secret, w.flux, secretName)
	secret.Data[tokenKey] = []byte("another")
	if err := w.Update(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	w.editProvider(func(p *notificationv1.Provider) { p.Annotations = map[string]string{"touched": "now"} })
	w.reconcile()
	w.expect(commit, success+"1 of 1 ready")
	w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason)
}

func TestCommitForcedAway(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	gone := w.commit("forced away", "roster1", "templates1")
	w.forge.Forget(gone)
	if after := w.reconcile(); after != personEvery {
		t.Errorf("a commit that is gone is tried again in %v, want %v", after, personEvery)
	}
	w.expectCondition(metav1.ConditionFalse, v1alpha1.CommitNotFoundReason, abbreviate(gone))

	next := w.commit("what came instead", "roster2", "templates1")
	w.reconcile()
	w.expect(next, success+"1 of 1 ready")
	w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason)
}

func TestRestartPostsNothingTwice(t *testing.T) {
	w := newWorld(t)
	w.userlands(2)
	commit := w.commit("add two students", "roster1", "templates1")
	w.reconcile()
	w.restart()
	w.expectSilence()

	w.pass(time.Minute)
	w.runs(0)
	w.restart()
	w.reconcile()
	w.expect(commit, pending+"0 of 2 ready, 2 starting", pending+"1 of 2 ready, 1 starting")
}

func TestKilledBetweenPostAndStatus(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	commit := w.commit("add a student", "roster1", "templates1")
	w.reconcile()

	// As if the status had never been written.
	course := w.reported()
	course.Status.Report = nil
	if err := w.Status().Update(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	w.restart()
	w.reconcile()
	w.expect(commit, success+"1 of 1 ready")
	if report := w.reported().Status.Report; report == nil || report.Revision != commit {
		t.Errorf("the report is remembered as %+v, want commit %s", report, commit)
	}
}

func TestPostWhoseAnswerIsLostIsNotDoubled(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	commit := w.commit("add a student", "roster1", "templates1")
	w.reconcile()
	w.runs(0)
	w.forge.Deafen(true)
	after := w.reconcile()
	w.forge.Deafen(false)
	w.pass(after)
	w.reconcile()
	w.expect(commit, pending+"0 of 1 ready, 1 starting", success+"1 of 1 ready")
	w.expectSilence()
}

func TestReportedLivesBesideTheControllersConditions(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.commit("add a student", "roster1", "templates1")
	course := w.reported()
	meta.SetStatusCondition(&course.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ReadyCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.ProgressingReason,
	})
	course.Status.ObservedGeneration = course.Generation
	if err := w.Status().Update(t.Context(), course, client.FieldOwner("carrel-controller")); err != nil {
		t.Fatal(err)
	}
	w.reconcile()

	conditions := w.reported().Status.Conditions
	for _, kind := range []string{v1alpha1.ReadyCondition, v1alpha1.ReportedCondition} {
		if meta.FindStatusCondition(conditions, kind) == nil {
			t.Errorf("the Course has no condition %s any more: %+v", kind, conditions)
		}
	}
}

func (w *world) editProvider(edit func(*notificationv1.Provider)) {
	w.Helper()
	var provider notificationv1.Provider
	w.get(&provider, w.flux, providerName)
	edit(&provider)
	if err := w.Update(w.Context(), &provider); err != nil {
		w.Fatal(err)
	}
}
