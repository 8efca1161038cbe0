package reporter

import (
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
)

// TestNothingToReportTo: each way in which a report finds no destination ends in
// a condition with the cure, then in silence, without a word to the forge.
func TestNothingToReportTo(t *testing.T) {
	tests := map[string]struct {
		arrange func(*world)
		reason  string
		words   []string
	}{
		"a Course that Flux did not apply": {
			arrange: func(w *world) { w.label(w.reported(), "", "") },
			reason:  v1alpha1.NotConfiguredReason, words: []string{"no Flux Kustomization applies this Course"},
		},
		"a label that names a Kustomization that is not there": {
			arrange: func(w *world) { w.label(w.reported(), w.course, "gone") },
			reason:  v1alpha1.NotConfiguredReason, words: []string{"/gone", "does not exist"},
		},
		"a label that names somebody else's Kustomization": {
			arrange: func(w *world) { w.label(w.reported(), w.course, "templates") },
			reason:  v1alpha1.NotConfiguredReason, words: []string{"does not list this Course in its inventory"},
		},
		"a source without commits": {
			arrange: func(w *world) {
				var k kustomizev1.Kustomization
				w.get(&k, w.course, "roster")
				k.Spec.SourceRef.Kind = sourcev1.BucketKind
				w.update(&k)
			},
			reason: v1alpha1.NotConfiguredReason, words: []string{"Bucket", "GitRepository"},
		},
		"no Provider": {
			arrange: func(w *world) {
				if err := w.DeleteAllOf(w.Context(), &notificationv1.Provider{}, client.InNamespace(w.flux)); err != nil {
					w.Fatal(err)
				}
			},
			reason: v1alpha1.NotConfiguredReason, words: []string{"has no Provider", "type gitea"},
		},
		"a Provider of another repository": {
			arrange: func(w *world) {
				w.editProvider(func(p *notificationv1.Provider) { p.Spec.Address = w.forge.Address() + "-of-others" })
			},
			reason: v1alpha1.NotConfiguredReason, words: []string{"has no Provider for http"},
		},
		"a Provider of another kind": {
			arrange: func(w *world) {
				w.editProvider(func(p *notificationv1.Provider) { p.Spec.Type = notificationv1.SlackProvider })
			},
			reason: v1alpha1.NotConfiguredReason, words: []string{"has no Provider"},
		},
		"a Provider that is suspended": {
			arrange: func(w *world) { w.editProvider(func(p *notificationv1.Provider) { p.Spec.Suspend = true }) },
			reason:  v1alpha1.NotConfiguredReason, words: []string{"is suspended"},
		},
		"a Provider without a Secret": {
			arrange: func(w *world) { w.editProvider(func(p *notificationv1.Provider) { p.Spec.SecretRef = nil }) },
			reason:  v1alpha1.NotConfiguredReason, words: []string{"has no secretRef"},
		},
		"a Secret that does not exist": {
			arrange: func(w *world) {
				w.editProvider(func(p *notificationv1.Provider) {
					p.Spec.SecretRef = &fluxmeta.LocalObjectReference{Name: "gone"}
				})
			},
			reason: v1alpha1.UnauthorizedReason, words: []string{"/gone", "make it"},
		},
		"a Secret without a token": {
			arrange: func(w *world) {
				w.update(&corev1.Secret{ObjectMeta: w.inFlux(secretName), Data: map[string][]byte{"password": []byte("x")}})
			},
			reason: v1alpha1.UnauthorizedReason, words: []string{secretName, "has no key token"},
		},
		"a GitHub App for a forge that is none of GitHub's": {
			arrange: func(w *world) { w.update(w.app("1", "", "key")) },
			reason:  v1alpha1.UnauthorizedReason, words: []string{"has no key token"},
		},
		"a GitHub App without a key": {
			arrange: func(w *world) { w.atGitHub(); w.update(w.app("1", "", "")) },
			reason:  v1alpha1.UnauthorizedReason, words: []string{"no key githubAppPrivateKey"},
		},
		"a GitHub App with a key that is none": {
			arrange: func(w *world) { w.atGitHub(); w.update(w.app("1", "", "-----BEGIN")) },
			reason:  v1alpha1.UnauthorizedReason, words: []string{"can't be used"},
		},
		"a GitHub App with a name for a number": {
			arrange: func(w *world) { w.atGitHub(); w.update(w.app("carrel", "", "key")) },
			reason:  v1alpha1.UnauthorizedReason, words: []string{"githubAppID", "not a number"},
		},
		"a CA that is none": {
			arrange: func(w *world) {
				w.create(&corev1.Secret{ObjectMeta: w.inFlux("ca"), StringData: map[string]string{caKey: "not PEM"}})
				w.editProvider(func(p *notificationv1.Provider) {
					p.Spec.CertSecretRef = &fluxmeta.LocalObjectReference{Name: "ca"}
				})
			},
			reason: v1alpha1.UnauthorizedReason, words: []string{"no PEM certificate"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.userlands(1)
			w.commit("add a student", "roster1", "templates1")
			test.arrange(w)
			w.reconcile()
			w.expectCondition(metav1.ConditionFalse, test.reason, test.words...)
			w.expectSilence()
			if n := w.forge.Requests(); n != 0 {
				t.Errorf("the forge was asked %d times", n)
			}
		})
	}
}

// A Kustomization of another repository, though in the course's namespace, takes no part: its
// failures do not go to this repository's commits.
func TestKustomizationOfAnotherRepositoryTakesNoPart(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	w.create(&kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "another"}, Spec: kustomizev1.KustomizationSpec{
		Interval:  metav1.Duration{Duration: time.Hour},
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Namespace: w.flux, Name: "another"},
	}})
	commit := w.commit("first", "r1", "t1")
	w.fails("another", commit, fluxmeta.BuildFailedReason, "no such file")
	w.reconcile()
	w.expect(commit, success+"1 of 1 ready")
}

func TestNewCourseIsNotBlamedWhileFluxIsAtWork(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.inventory("roster")
	w.reconcile()
	if conditions := w.reported().Status.Conditions; len(conditions) != 0 {
		t.Errorf("the Course got conditions before Flux had finished: %+v", conditions)
	}
}

func TestTokenAndCAFromTheProvidersSecrets(t *testing.T) {
	w := newWorld(t)
	w.forge = giteatest.NewTLS(t)
	var source sourcev1.GitRepository
	w.get(&source, w.flux, "carrel")
	source.Spec.URL = w.forge.Address()
	w.update(&source)
	w.create(&corev1.Secret{ObjectMeta: w.inFlux("ca"), Data: map[string][]byte{caKey: w.forge.CA()}})
	w.editProvider(func(p *notificationv1.Provider) {
		p.Spec.Address = w.forge.Address()
		p.Spec.CertSecretRef = &fluxmeta.LocalObjectReference{Name: "ca"}
	})
	w.userlands(1)
	w.runs(0)
	commit := w.commit("add a student", "roster1", "templates1")
	w.reconcile()
	w.expect(commit, success+"1 of 1 ready")
}

// label sets the labels that say which Kustomization applied an object.
func (w *world) label(object client.Object, namespace, name string) {
	w.Helper()
	object.SetLabels(map[string]string{ownerNamespaceLabel: namespace, ownerNameLabel: name})
	w.update(object)
}

func (w *world) update(object client.Object) {
	w.Helper()
	if err := w.Update(w.Context(), object); err != nil {
		w.Fatalf("update %T %s: %v", object, object.GetName(), err)
	}
}
