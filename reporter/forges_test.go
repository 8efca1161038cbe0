package reporter

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
	"github.com/carrel-dev/carrel/forge/github/githubtest"
	"github.com/carrel-dev/carrel/forge/gitlab/gitlabtest"
)

// TestStatusLeadsToTheBoard of the class, on every forge, also on a commit that is
// superseded.
func TestStatusLeadsToTheBoard(t *testing.T) {
	for name, start := range map[string]func(testing.TB) place{
		notificationv1.GiteaProvider:  func(t testing.TB) place { return giteatest.New(t) },
		notificationv1.GitHubProvider: func(t testing.TB) place { return githubtest.New(t) },
		notificationv1.GitLabProvider: func(t testing.TB) place { return gitlabtest.New(t) },
	} {
		t.Run(name, func(t *testing.T) {
			w, server := newWorld(t), start(t)
			w.moveTo(name, server)
			w.reporter.Gateway = "https://desk.example.org/"
			w.userlands(1)
			server.Commit("first")
			server.Commit("second")
			first := w.commit("first", "roster1", "templates1")
			w.reconcile()
			second := w.commit("second", "roster2", "templates1")
			w.reconcile()
			for _, commit := range []string{first, second} {
				latest := w.latest(name, server, commit)
				if want := "https://desk.example.org/courses/" + w.course; latest == nil || latest.Target != want {
					t.Errorf("the status %+v leads elsewhere than to %s", latest, want)
				}
			}
		})
	}
}

// app is the Provider's Secret, with the credentials of a GitHub App.
func (w *world) app(id, installation, key string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: w.inFlux(secretName), StringData: map[string]string{"githubAppID": id}}
	for name, value := range map[string]string{"githubAppInstallationID": installation, "githubAppPrivateKey": key} {
		if value != "" {
			secret.StringData[name] = value
		}
	}
	w.update(&corev1.Secret{ObjectMeta: w.inFlux(secretName)}) // nothing of before
	return secret
}

func (w *world) atGitHub() *githubtest.Server {
	w.Helper()
	server := githubtest.New(w)
	w.moveTo(notificationv1.GitHubProvider, server)
	return server
}

// TestGitHubApp reports as Flux pulls: with an App, whose token is fetched once.
func TestGitHubApp(t *testing.T) {
	for name, installation := range map[string]string{"given the installation": "815", "only the App": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			server := w.atGitHub()
			key := server.App(t, time.Hour)
			w.update(w.app("4711", installation, string(key)))
			w.userlands(1)
			server.Commit("add a student")
			w.commit("add a student", "roster1", "templates1")
			w.reconcile()
			w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason)
			w.runs(0)
			w.reconcile()
			w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason, "success")
			if tokens := server.Tokens(); tokens != 1 {
				t.Errorf("%d tokens were fetched, want 1", tokens)
			}

			server.App(t, time.Hour) // another key
			server.Commit("next")
			w.commit("next", "roster2", "templates1")
			if after := w.reconcile(); after != personEvery {
				t.Errorf("tried again after %v, want %v", after, personEvery)
			}
			w.expectCondition(metav1.ConditionFalse, v1alpha1.UnauthorizedReason, "GitHub refuses the App", "Commit statuses, read and write")
		})
	}
}

// TestBranchOfTheRepository: what Flux follows is where a GitLab shows the status.
func TestBranchOfTheRepository(t *testing.T) {
	w, server := newWorld(t), gitlabtest.New(t)
	w.moveTo(notificationv1.GitLabProvider, server)
	var source sourcev1.GitRepository
	w.get(&source, w.flux, "carrel")
	source.Spec.Reference = &sourcev1.GitRepositoryRef{Branch: "term"}
	w.update(&source)
	w.userlands(1)
	server.Commit("first")
	commit := w.commit("first", "roster1", "templates1")
	w.reconcile()
	if diff := cmp.Diff([]string{"term"}, server.Refs(commit)); diff != "" {
		t.Errorf("branches of the statuses (-want +got):\n%s", diff)
	}
}

func TestBranchOf(t *testing.T) {
	for name, test := range map[string]struct {
		ref  *sourcev1.GitRepositoryRef
		want string
	}{
		"none":              {nil, "master"},
		"empty":             {&sourcev1.GitRepositoryRef{}, "master"},
		"branch":            {&sourcev1.GitRepositoryRef{Branch: "main"}, "main"},
		"commit":            {&sourcev1.GitRepositoryRef{Commit: "abc"}, ""},
		"commit of branch":  {&sourcev1.GitRepositoryRef{Branch: "main", Commit: "abc"}, "main"},
		"tag before branch": {&sourcev1.GitRepositoryRef{Branch: "main", Tag: "v1"}, ""},
		"versions":          {&sourcev1.GitRepositoryRef{Branch: "main", SemVer: ">=1"}, ""},
		"name of a branch":  {&sourcev1.GitRepositoryRef{Branch: "main", Name: "refs/heads/term/a"}, "term/a"},
		"name of a request": {&sourcev1.GitRepositoryRef{Branch: "main", Name: "refs/pull/4/head"}, ""},
	} {
		if got := branchOf(&sourcev1.GitRepository{Spec: sourcev1.GitRepositorySpec{Reference: test.ref}}); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// place is a forge with a repository.
type place interface {
	Address() string
	Commit(word string) string
}

// standIn is what the servers of the other forges' packages have in common.
type standIn interface {
	place
	Fail(http.HandlerFunc)
}

var standIns = map[string]func(testing.TB) standIn{
	notificationv1.GitHubProvider: func(t testing.TB) standIn { return githubtest.New(t) },
	notificationv1.GitLabProvider: func(t testing.TB) standIn { return gitlabtest.New(t) },
}

// TestOtherForges tells that what holds for Gitea in the other tests holds for
// every forge: a post, a token revoked, a commit gone, a limit.
func TestOtherForges(t *testing.T) {
	for name, start := range standIns {
		t.Run(name, func(t *testing.T) {
			w, server := newWorld(t), start(t)
			w.moveTo(name, server)
			w.userlands(1)
			server.Commit("add a student")
			hash := w.commit("add a student", "roster1", "templates1")

			w.reconcile()
			w.expectCondition(metav1.ConditionTrue, v1alpha1.PostedReason)
			if latest := w.latest(name, server, hash); latest == nil || latest.State != forge.Pending {
				t.Errorf("the commit shows %+v, want a pending one", latest)
			}

			gone := w.commit("forced away", "roster2", "templates1")
			w.reconcile()
			w.expectCondition(metav1.ConditionFalse, v1alpha1.CommitNotFoundReason, abbreviate(gone))
			w.expectSilence()
		})
		for failure, test := range map[string]struct {
			answer http.HandlerFunc
			reason string
			after  time.Duration
		}{
			"token revoked": {answer(http.StatusUnauthorized, ""), v1alpha1.UnauthorizedReason, personEvery},
			"limit":         {answer(http.StatusTooManyRequests, "300"), v1alpha1.ForgeUnavailableReason, 5 * time.Minute},
		} {
			t.Run(name+" "+failure, func(t *testing.T) {
				w, server := newWorld(t), start(t)
				w.moveTo(name, server)
				w.userlands(1)
				w.commit("add a student", "roster1", "templates1")
				server.Fail(test.answer)
				if after := w.reconcile(); after != test.after {
					t.Errorf("tried again after %s, want %s", after, test.after)
				}
				w.expectCondition(metav1.ConditionFalse, test.reason)
			})
		}
	}
}

func answer(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
	}
}

// moveTo makes another forge the one of the course.
func (w *world) moveTo(forgeType string, server place) {
	w.Helper()
	w.editProvider(func(p *notificationv1.Provider) { p.Spec.Type, p.Spec.Address = forgeType, server.Address() })
	var source sourcev1.GitRepository
	w.get(&source, w.flux, "carrel")
	source.Spec.URL = server.Address() + ".git"
	w.update(&source)
}

func (w *world) latest(forgeType string, server place, commit string) *forge.Status {
	w.Helper()
	repository, err := forge.ParseRepository(server.Address())
	if err != nil {
		w.Fatal(err)
	}
	kind, _ := w.reporter.Forges.Named(forgeType)
	client, err := kind.Open(forge.Config{Repository: repository, Token: githubtest.Token})
	if err != nil {
		w.Fatal(err)
	}
	latest, err := client.Latest(w.Context(), commit, "carrel/"+clusterName+"/"+w.course)
	if err != nil {
		w.Fatal(err)
	}
	return latest
}

type refusing struct {
	forge.Client
	err error
}

func (r refusing) Post(context.Context, string, forge.Status) error { return r.err }

func TestResultOfAPost(t *testing.T) {
	for want, err := range map[string]error{
		"posted": nil, "unauthorized": forge.ErrUnauthorized, "not_found": forge.ErrNotFound,
		"unavailable": &forge.UnavailableError{Err: errors.New("x")}, "refused": errors.New("422"),
	} {
		before := countOf(t, want)
		if got := (counted{refusing{err: err}, "test"}).Post(t.Context(), "", forge.Status{}); !errors.Is(got, err) {
			t.Errorf("counting a post changed its error from %v to %v", err, got)
		}
		if after := countOf(t, want); after != before+1 {
			t.Errorf("a post that ended with %v took the count of %q from %v to %v", err, want, before, after)
		}
	}
}

// countOf is what /metrics would say of the posts to the forge "test".
func countOf(t *testing.T, result string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := metric.GetLabel() // sorted by name: forge, result
			if family.GetName() == "carrel_reporter_posts_total" && labels[0].GetValue() == "test" && labels[1].GetValue() == result {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// A failure leads to the students concerned, and a success to the whole class.
func TestFailureLeadsToTheStudentsConcerned(t *testing.T) {
	w := newWorld(t)
	w.reporter.Gateway = "https://desk.example.org/"
	w.userlands(2)
	w.runs(0)
	w.becomes(1, v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason)
	commit := w.commit("first", "roster1", "templates1")
	w.reconcile()
	w.runs(1)
	w.reconcile()
	board := "https://desk.example.org/courses/" + w.course
	var got []string
	for _, status := range w.forge.Posted(commit) {
		got = append(got, status.Target)
	}
	if diff := cmp.Diff([]string{board + "?show=attention", board}, got); diff != "" {
		t.Errorf("targets of the failure and of the success (-want +got):\n%s", diff)
	}
}
