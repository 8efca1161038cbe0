package reporter

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

const (
	reporterUser = "system:serviceaccount:carrel-system:carrel-reporter"

	// within is for what must happen; it is long because machines are slow.
	within = 90 * time.Second
	// quiet is how long nothing must happen.
	quiet = 2 * time.Second
)

// TestReporterUnderItsOwnRole runs the reporter as it is installed: woken by its
// watches, with the rights of its own role and no others.
func TestReporterUnderItsOwnRole(t *testing.T) {
	w := newWorld(t)
	address, heard := listener(t)
	requests := w.start(address)

	w.userlands(3)
	commit := w.commit("add three students", "roster1", "templates1")
	w.eventually("the commit is pending", func() bool { return len(w.forge.Posted(commit)) > 0 })
	w.runs(0, 1, 2)
	w.eventually("the commit is green", w.last(commit, success+"3 of 3 ready"))
	w.eventually("the Course knows it", func() bool {
		report := w.reported().Status.Report
		return report != nil && report.Description == "3 of 3 ready"
	})
	w.eventually("there is an event", func() bool { return w.hasEvent("success on commit " + abbreviate(commit)) })
	w.checkEvents(commit, heard)

	// Flux looks again and finds the same; so does another course's commit.
	w.settle(requests)
	before := requests.Load()
	w.commit("another course's", "roster1", "templates1")
	time.Sleep(quiet)
	if more := requests.Load() - before; more != 0 {
		t.Errorf("a settled reporter made %d requests", more)
	}

	// The forge goes down and comes back.
	w.forge.Fail(giteatest.HangUp)
	late := w.commit("while the forge is down", "roster2", "templates1")
	w.eventually("the Course says that the forge is down", func() bool {
		condition := meta.FindStatusCondition(w.reported().Status.Conditions, v1alpha1.ReportedCondition)
		return condition != nil && condition.Reason == v1alpha1.ForgeUnavailableReason
	})
	w.forge.Fail(nil)
	w.eventually("the commit is green when the forge is back", w.last(late, success+"3 of 3 ready"))

	// What is above the courses can't be built.
	above := &aboveWorld{world: w}
	above.addKustomization()
	good, bad := w.forge.Commit("good"), above.breaks("bad")
	above.stands(good, bad, "invalid Kustomization")
	w.eventually("the commit that broke the courses is red", func() bool { return len(w.forge.Posted(bad)) == 1 })
	above.expect(bad, aboveBroken)
}

// start runs the reporter in a manager until the test ends, and counts its
// requests to the API server other than watches.
func (w *world) start(listener string) *atomic.Int64 {
	w.Helper()
	w.grant()
	requests := &atomic.Int64{}
	restConfig := apiserver.Config()
	restConfig.Impersonate = rest.ImpersonationConfig{UserName: reporterUser}
	restConfig.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") == "" {
				requests.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	skip := true
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:     apiserver.Scheme(flux.AddToScheme),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &skip},
		// Other tests have courses on the same API server.
		Cache: cache.Options{DefaultNamespaces: map[string]cache.Config{w.course: {}, w.flux: {}}},
	})
	if err != nil {
		w.Fatal(err)
	}
	if err := SetupWithManager(mgr, Options{ClusterName: clusterName, EventsAddress: listener}); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the manager ended with: %v", err)
		}
	})
	return requests
}

// grant gives the user the generated role, the one Secret by name, and the ConfigMap of its
// marks.
func (w *world) grant() {
	w.Helper()
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: forgeNamespace}})
	marks, err := os.ReadFile(filepath.Join(apiserver.Root(), "kustomize", "reporter", "marks.yaml"))
	if err != nil {
		w.Fatal(err)
	}
	for _, document := range strings.Split(string(marks), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			w.Fatal(err)
		}
		w.create(object)
	}
	content, err := os.ReadFile(filepath.Join(apiserver.Root(), "kustomize", "reporter", "role.yaml"))
	if err != nil {
		w.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(content, &role); err != nil {
		w.Fatal(err)
	}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: reporterUser}}
	w.create(&role)
	w.create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name}, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
	})
	w.create(&rbacv1.Role{ObjectMeta: w.inFlux("token"), Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{secretName}, Verbs: []string{"get"},
	}}})
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: w.inFlux("token"), Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "token"},
	})
}

func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("%s: not so after %v", what, within)
		}
	}
}

// settle waits until no more requests come.
func (w *world) settle(requests *atomic.Int64) {
	w.Helper()
	w.eventually("the reporter comes to rest", func() bool {
		before := requests.Load()
		time.Sleep(quiet)
		return requests.Load() == before
	})
}

func (w *world) last(commit, want string) func() bool {
	return func() bool {
		posted := w.forge.Posted(commit)
		if len(posted) == 0 {
			return false
		}
		latest := posted[len(posted)-1]
		return string(latest.State)+": "+latest.Description == want
	}
}

func (w *world) hasEvent(words string) bool {
	w.Helper()
	var list corev1.EventList
	if err := w.List(w.Context(), &list); err != nil {
		w.Fatal(err)
	}
	for _, event := range list.Items {
		if event.InvolvedObject.Name == w.course && strings.HasPrefix(event.Message, words) {
			return true
		}
	}
	return false
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
