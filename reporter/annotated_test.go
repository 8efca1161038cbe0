package reporter

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
)

// withoutFlux makes the course one that somebody applies by hand, with a Secret
// beside the reporter that the namespace names.
func (w *world) withoutFlux() {
	w.Helper()
	w.reporter.ForgeNamespace = w.flux
	w.editCourse(func(c *v1alpha1.Course) { c.Labels = nil })
	w.create(&corev1.Secret{ObjectMeta: w.inFlux("prog"), StringData: map[string]string{
		"type": "gitea", "address": w.forge.Address(), tokenKey: giteatest.Token,
	}})
	w.annotateNamespace("prog")
}

func (w *world) annotateNamespace(secret string) {
	w.Helper()
	var namespace corev1.Namespace
	w.get(&namespace, "", w.course)
	namespace.Annotations = map[string]string{v1alpha1.ReportToAnnotation: secret}
	w.update(&namespace)
}

func (w *world) editCourse(edit func(*v1alpha1.Course)) {
	w.Helper()
	course := w.reported()
	if course.Annotations == nil {
		course.Annotations = map[string]string{}
	}
	edit(course)
	w.update(course)
}

func (w *world) annotate(revision string) {
	w.Helper()
	w.editCourse(func(c *v1alpha1.Course) { c.Annotations[v1alpha1.RevisionAnnotation] = revision })
}

func TestCourseAppliedWithoutFlux(t *testing.T) {
	for name, fluxless := range map[string]bool{"Flux is there for others": false, "no Flux at all": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.withoutFlux()
			w.reporter.Fluxless = fluxless
			w.userlands(2)
			first := w.forge.Commit("first")
			w.annotate("main@sha1:" + first)
			w.reconcile()
			w.expect(first, pending+"0 of 2 ready, 2 starting")
			w.runs(0, 1)
			w.reconcile()
			w.expect(first, pending+"0 of 2 ready, 2 starting", success+"2 of 2 ready")
			w.expectSilence()

			second := w.forge.Commit("second")
			w.annotate(second)
			w.reconcile()
			w.expect(second, success+"2 of 2 ready")
		})
	}
}

// Who may write a Course may say which commit it is of, and nothing about where the
// token goes.
func TestCourseCannotSayWhereToReport(t *testing.T) {
	w := newWorld(t)
	w.withoutFlux()
	w.userlands(1)
	other := giteatest.New(t)
	w.create(&corev1.Secret{ObjectMeta: w.inFlux("other"), StringData: map[string]string{
		"type": "gitea", "address": other.Address(), tokenKey: giteatest.Token,
	}})
	commit := w.forge.Commit("first")
	other.Commit("first")
	w.annotate("main@sha1:" + commit)
	w.editCourse(func(c *v1alpha1.Course) {
		c.Annotations[v1alpha1.ReportToAnnotation] = "other"
		c.Annotations["address"] = other.Address()
	})
	w.reconcile()
	w.expect(commit, pending+"0 of 1 ready, 1 starting")
	if requests := other.Requests(); requests != 0 {
		t.Errorf("a Course made the reporter ask another forge %d times", requests)
	}
	// Nor does it borrow the Provider of Flux's courses.
	w.annotateNamespace("")
	second := w.forge.Commit("second")
	w.annotate("main@sha1:" + second)
	w.reconcile()
	w.expect(second)
	w.expectCondition(metav1.ConditionFalse, v1alpha1.NotConfiguredReason, "namespace "+w.course, "annotate it with carrel.dev/report-to", w.flux)
}

// An annotation has no say where Flux applies the Course.
func TestFluxComesBeforeTheAnnotation(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	commit, other := w.commit("first", "roster1", "templates1"), w.forge.Commit("other")
	w.annotate("main@sha1:" + other)
	w.reconcile()
	w.expect(commit, pending+"0 of 1 ready, 1 starting")
	w.expect(other)
}

func TestWithoutFluxSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		revision string
		data     map[string]string
		reason   string
		words    []string
	}{
		"no commit":            {"main", nil, v1alpha1.NotConfiguredReason, []string{`is "main"`, "<branch>@sha1:<full hash>"}},
		"a short hash":         {"main@sha1:352f782", nil, v1alpha1.NotConfiguredReason, []string{"full hash"}},
		"a Secret of no type":  {"", map[string]string{"address": "https://x.test/a/b"}, v1alpha1.UnauthorizedReason, []string{"has no key type", "gitea or github"}},
		"a Secret of no place": {"", map[string]string{"type": "gitea"}, v1alpha1.UnauthorizedReason, []string{"has no key address"}},
		"an unknown forge":     {"", map[string]string{"type": "svn", "address": "https://x.test/a/b"}, v1alpha1.UnauthorizedReason, []string{`type "svn"`}},
		"no web address":       {"", map[string]string{"type": "gitea", "address": "git@x:a/b"}, v1alpha1.NotConfiguredReason, []string{"namespace"}},
		"no token":             {"", map[string]string{"type": "gitea", "address": "https://x.test/a/b"}, v1alpha1.UnauthorizedReason, []string{"has no key token"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.withoutFlux()
			w.userlands(1)
			commit := w.forge.Commit("first")
			revision := test.revision
			if revision == "" {
				revision = "main@sha1:" + commit
				w.create(&corev1.Secret{ObjectMeta: w.inFlux("wrong"), StringData: test.data})
				w.annotateNamespace("wrong")
			}
			w.annotate(revision)
			w.reconcile()
			w.expectCondition(metav1.ConditionFalse, test.reason, test.words...)
			w.expectSilence()
		})
	}
}

func TestRevisionOfAnAnnotation(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef01234567"
	for revision, want := range map[string]annotated{
		"main@sha1:" + hash:              {branch: "main", commit: hash},
		"refs/heads/term/a@sha1:" + hash: {branch: "term/a", commit: hash},
		"sha1:" + hash:                   {commit: hash},
		" " + hash + "\n":                {commit: hash},
		"a@b@sha1:" + hash:               {branch: "a@b", commit: hash},
		"main@sha1:" + hash + "/../../x": {},
		"main@sha1:" + hash[1:]:          {},
		"main@sha1:" + hash + "\nx":      {},
	} {
		got, err := annotatedOf(&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.RevisionAnnotation: revision}}})
		var problem *problem
		switch {
		case want.commit == "" && !errors.As(err, &problem):
			t.Errorf("%q gave %v, %v; want a problem", revision, got, err)
		case want.commit != "" && (err != nil || *got != want):
			t.Errorf("%q gave %+v, %v; want %+v", revision, got, err, want)
		}
	}
}
