package reporter

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

func TestMain(m *testing.M) { flux.Main(m) }

// world is a course on a real API server, with a stand-in of Gitea. The test
// itself does what Flux and the carrel-controller would.
type world struct {
	*testing.T
	client.Client
	forge *giteatest.Server
	// course is the name of the Course and its namespace; flux is the namespace of
	// the source, the Provider and its Secret.
	course, flux string
	now          time.Time
	reporter     *Reconciler
	reader       *countingReader
	recorder     *record.FakeRecorder
}

// countingReader counts what the reporter reads of the API server past its cache, by type.
type countingReader struct {
	client.Reader
	reads map[string]int
}

// courseType is the type under which reads of Courses are counted.
const courseType = "*v1alpha1.Course"

func (r *countingReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	r.reads[fmt.Sprintf("%T", object)]++
	return r.Reader.Get(ctx, key, object, options...)
}

const (
	secretName   = "carrel-forge"
	providerName = "carrel"
	clusterName  = "test"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	c := apiserver.Client(t, flux.AddToScheme)
	w := &world{
		T: t, Client: c, forge: giteatest.New(t), now: now,
		course: apiserver.Namespace(t, c), flux: apiserver.Namespace(t, c),
	}
	w.create(&corev1.Secret{ObjectMeta: w.inFlux(secretName), StringData: map[string]string{tokenKey: giteatest.Token + "\n"}})
	w.create(&notificationv1.Provider{ObjectMeta: w.inFlux(providerName), Spec: notificationv1.ProviderSpec{
		Type: notificationv1.GiteaProvider, Address: w.forge.Address(), SecretRef: &fluxmeta.LocalObjectReference{Name: secretName},
	}})
	w.create(&sourcev1.GitRepository{ObjectMeta: w.inFlux("carrel"), Spec: sourcev1.GitRepositorySpec{URL: w.forge.Address() + ".git"}})
	w.create(&v1alpha1.Template{ObjectMeta: w.inCourse("ide", "templates"), Spec: v1alpha1.TemplateSpec{
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "ide", Image: "ide:1"}}}},
		Service:  v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
	}})
	w.create(&v1alpha1.Course{ObjectMeta: w.inCourse(w.course, "roster"), Spec: v1alpha1.CourseSpec{TemplateName: "ide"}})
	w.kustomization("templates", "Template/ide")
	w.kustomization("roster", "Course/"+w.course)
	w.restart()
	return w
}

// restart replaces the reporter by one that remembers nothing.
func (w *world) restart() {
	w.reporter = newReconciler(Options{ClusterName: clusterName, Now: func() time.Time { return w.now }})
	w.reader = &countingReader{Reader: w.Client, reads: map[string]int{}}
	w.reporter.Client, w.reporter.APIReader = w.Client, w.reader
	w.recorder = record.NewFakeRecorder(100)
	w.reporter.Recorder = w.recorder
}

func (w *world) create(object client.Object) {
	w.Helper()
	if err := w.Create(w.Context(), object); err != nil {
		w.Fatalf("create %T %s: %v", object, object.GetName(), err)
	}
}

func (w *world) inFlux(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.flux, Name: name}
}

// inCourse names an object of the course that Flux applied.
func (w *world) inCourse(name, kustomization string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.course, Name: name, Labels: map[string]string{
		"kustomize.toolkit.fluxcd.io/name": kustomization, "kustomize.toolkit.fluxcd.io/namespace": w.course,
	}}
}

// kustomization makes one, with an inventory of <kind>/<name> in the course.
func (w *world) kustomization(name string, inventory ...string) {
	w.Helper()
	w.create(&kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: name}, Spec: kustomizev1.KustomizationSpec{
		Interval:  metav1.Duration{Duration: time.Hour},
		Prune:     true,
		Path:      "./courses/own/" + name,
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Namespace: w.flux, Name: "carrel"},
	}})
	w.inventory(name, inventory...)
}

func (w *world) inventory(kustomization string, objects ...string) {
	w.Helper()
	w.editKustomization(kustomization, func(k *kustomizev1.Kustomization) {
		k.Status.Inventory = &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{}}
		for _, object := range objects {
			kind, name, _ := strings.Cut(object, "/")
			k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{
				ID: w.course + "_" + name + "_carrel.dev_" + kind, Version: "v1alpha1",
			})
		}
	})
}

func (w *world) editKustomization(name string, edit func(*kustomizev1.Kustomization)) {
	w.Helper()
	var k kustomizev1.Kustomization
	w.get(&k, w.course, name)
	edit(&k)
	if err := w.Status().Update(w.Context(), &k); err != nil {
		w.Fatalf("set the status of Kustomization %s: %v", name, err)
	}
}

func (w *world) get(object client.Object, namespace, name string) {
	w.Helper()
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		w.Fatalf("get %T %s/%s: %v", object, namespace, name, err)
	}
}

// commit makes a commit and lets Flux apply it: a content for the roster, one for
// the templates. It returns the hash.
func (w *world) commit(word, roster, templates string) string {
	w.Helper()
	hash := w.forge.Commit(word)
	w.applies("roster", hash, roster)
	w.applies("templates", hash, templates)
	return hash
}

// applies does what kustomize-controller writes when it succeeds.
func (w *world) applies(kustomization, hash, content string) {
	w.Helper()
	w.editKustomization(kustomization, func(k *kustomizev1.Kustomization) {
		revision := "main@sha1:" + hash
		k.Status.LastAppliedRevision, k.Status.LastAttemptedRevision = revision, revision
		k.Status.History.Upsert(content, w.now, time.Second, fluxmeta.ReconciliationSucceededReason, map[string]string{"revision": revision})
		meta.SetStatusCondition(&k.Status.Conditions, metav1.Condition{
			Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue, Reason: fluxmeta.ReconciliationSucceededReason, Message: "Applied revision: " + revision,
		})
	})
}

// fails does what kustomize-controller writes when it can't apply a commit.
func (w *world) fails(kustomization, hash, reason, message string) {
	w.Helper()
	w.editKustomization(kustomization, func(k *kustomizev1.Kustomization) {
		k.Status.LastAttemptedRevision = "main@sha1:" + hash
		meta.SetStatusCondition(&k.Status.Conditions, metav1.Condition{
			Type: fluxmeta.ReadyCondition, Status: metav1.ConditionFalse, Reason: reason, Message: message,
		})
	})
}

// userlands makes so many, all known to the controller and none ready.
func (w *world) userlands(n int) {
	w.Helper()
	objects := []string{"Course/" + w.course}
	for i := range n {
		name := fmt.Sprintf("student%d", i)
		w.create(&v1alpha1.Userland{ObjectMeta: w.inCourse(name, "roster")})
		w.becomes(i, v1alpha1.StateStarting, v1alpha1.StartingReason)
		objects = append(objects, "Userland/"+name)
	}
	w.inventory("roster", objects...)
}

// becomes does what the carrel-controller writes about one.
func (w *world) becomes(i int, state, reason string) {
	w.Helper()
	var (
		u        v1alpha1.Userland
		template v1alpha1.Template
	)
	w.get(&u, w.course, fmt.Sprintf("student%d", i))
	w.get(&template, w.course, "ide")
	ready := metav1.ConditionFalse
	if state == v1alpha1.StateRunning {
		ready = metav1.ConditionTrue
	}
	u.Status.ObservedGeneration, u.Status.State = u.Generation, state
	u.Status.Template = &v1alpha1.ObservedTemplate{Name: template.Name, Generation: template.Generation}
	meta.SetStatusCondition(&u.Status.Conditions, metav1.Condition{Type: v1alpha1.ReadyCondition, Status: ready, Reason: reason})
	if err := w.Status().Update(w.Context(), &u); err != nil {
		w.Fatalf("set the status of %s: %v", u.Name, err)
	}
}

func (w *world) runs(userlands ...int) {
	w.Helper()
	for _, i := range userlands {
		w.becomes(i, v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
}

// reconcile runs once, and returns when the reporter wants to be run again.
func (w *world) reconcile() time.Duration {
	w.Helper()
	result, err := w.reporter.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.course, Name: w.course}})
	if err != nil {
		w.Fatalf("reconcile: %v", err)
	}
	return result.RequeueAfter
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

// expect compares all that was posted on a commit, as <state>: <description>.
func (w *world) expect(commit string, want ...string) {
	w.Helper()
	var got []string
	for _, status := range w.forge.Posted(commit) {
		if context := "carrel/" + clusterName + "/" + w.course; status.Context != context {
			w.Errorf("a status was posted with context %q, want %q", status.Context, context)
		}
		got = append(got, string(status.State)+": "+status.Description)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("statuses on commit %s (-want +got):\n%s", abbreviate(commit), diff)
	}
}

// reported is the Course as it is now.
func (w *world) reported() *v1alpha1.Course {
	w.Helper()
	var course v1alpha1.Course
	w.get(&course, w.course, w.course)
	return &course
}

// expectCondition checks Reported, and that the message holds these words.
func (w *world) expectCondition(status metav1.ConditionStatus, reason string, words ...string) {
	w.Helper()
	condition := meta.FindStatusCondition(w.reported().Status.Conditions, v1alpha1.ReportedCondition)
	if condition == nil {
		w.Errorf("the Course has no Reported condition, want %s %s", status, reason)
		return
	}
	if condition.Status != status || condition.Reason != reason {
		w.Errorf("Reported is %s %s (%s), want %s %s", condition.Status, condition.Reason, condition.Message, status, reason)
	}
	for _, word := range words {
		if !strings.Contains(condition.Message, word) {
			w.Errorf("the message of Reported does not say %q: %s", word, condition.Message)
		}
	}
}

// expectSilence: reconciling as often as one likes asks the forge nothing and
// writes nothing.
func (w *world) expectSilence() {
	w.Helper()
	requests, version, reads := w.forge.Requests(), w.reported().ResourceVersion, w.reader.reads[courseType]
	for range 3 {
		w.reconcile()
		w.pass(time.Second)
	}
	if more := w.forge.Requests() - requests; more != 0 {
		w.Errorf("the forge was asked %d times though nothing had changed", more)
	}
	if w.reported().ResourceVersion != version {
		w.Error("the Course was written though nothing had changed")
	}
	if more := w.reader.reads[courseType] - reads; more != 0 {
		w.Errorf("the Course was read %d times past the cache though nothing had changed", more)
	}
}

const (
	pending = string(forge.Pending) + ": "
	success = string(forge.Success) + ": "
	failure = string(forge.Failure) + ": "
)
