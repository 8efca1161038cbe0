package errand_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

// patience bounds each wait of these tests. The longest is that for an image.
const patience = time.Minute

const (
	goodImage   = "ide:1"
	brokenImage = "broken:1"
)

// TestTrials follows a Template with a broken image, and its mend.
func TestTrials(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	startErrands(t)
	template := makeCourse(t, c, brokenImage)

	failed := reaches(t, c, template, v1alpha1.TrialFailed)
	if failed.Reason != v1alpha1.ImagePullBackOffReason || !strings.Contains(failed.Message, brokenImage) {
		t.Errorf("the trial failed with %s: %q, want ImagePullBackOff with the image", failed.Reason, failed.Message)
	}
	noJobs(t, c, template.Namespace)

	edit(t, c, template, goodImage)
	started := reaches(t, c, template, v1alpha1.TrialStarted)
	if !strings.HasPrefix(started.Message, "trial started in ") {
		t.Errorf("the trial says %q, want the time it took", started.Message)
	}
	noJobs(t, c, template.Namespace)
	if trials := read(t, c, template).Status.Trials; len(trials) != 2 || trials[1].Outcome != v1alpha1.TrialFailed {
		t.Errorf("the trials are %+v, want the mended one before the failed one", trials)
	}
}

// TestEditInTheMiddle checks that the Job of a revision goes when there is another one.
func TestEditInTheMiddle(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	startErrands(t)
	template := makeCourse(t, c, brokenImage)
	reaches(t, c, template, v1alpha1.TrialRunning)
	edit(t, c, template, goodImage)
	reaches(t, c, template, v1alpha1.TrialStarted)
	noJobs(t, c, template.Namespace)
}

// TestQuota checks that a full quota is no failure, and that the trial has no Job then.
func TestQuota(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	namespace := apiserver.Namespace(t, c)
	for name, hard := range map[string]corev1.ResourceList{
		"pods":    {corev1.ResourcePods: resource.MustParse("0")},
		"volumes": {corev1.ResourceRequestsStorage: resource.MustParse("1Mi")},
	} {
		t.Run(name, func(t *testing.T) {
			quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
			must(t, c.Create(t.Context(), quota))
			quota.Status.Hard, quota.Status.Used = hard, corev1.ResourceList{}
			for name := range hard {
				quota.Status.Used[name] = resource.MustParse("0")
			}
			must(t, c.Status().Update(t.Context(), quota))
			startErrands(t)
			template := newTemplate(namespace, "ide-"+name, goodImage)
			makeTemplate(t, c, template)
			if got := reaches(t, c, template, v1alpha1.TrialNotTried); got.Reason != v1alpha1.QuotaFullReason || got.RetryTime == nil {
				t.Errorf("with a full quota, the trial is %+v, want QuotaFull and a time to try again", got)
			}
			noJobs(t, c, namespace)
			must(t, c.Delete(t.Context(), quota))
		})
	}
}

// TestSettledIsSilent checks that a restarted process asks nothing about a revision
// that has its outcome.
func TestSettledIsSilent(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	stop, _ := startErrands(t)
	template := makeCourse(t, c, goodImage)
	reaches(t, c, template, v1alpha1.TrialStarted)
	noJobs(t, c, template.Namespace)
	before := read(t, c, template)
	stop()

	_, requests := startErrands(t)
	// When the trial of another course is over, the first one was reconciled long ago.
	other := makeCourse(t, c, goodImage)
	reaches(t, c, other, v1alpha1.TrialStarted)
	if about := requests.about(template.Namespace); len(about) > 0 {
		t.Errorf("after a restart, the process asks about a settled trial: %v", about)
	}
	if after := read(t, c, template); after.ResourceVersion != before.ResourceVersion {
		t.Error("after a restart, the process writes the status of a settled trial")
	}
}

// TestKilledAnywhere checks that a process that is killed after any of its writes
// leaves what another one brings to the same end.
func TestKilledAnywhere(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	for writes := 1; ; writes++ {
		ctx, kill := context.WithCancel(t.Context())
		requests := &recorder{}
		requests.after = func() {
			if requests.writes() == writes {
				kill()
			}
		}
		done := run(t, ctx, requests)
		template := makeCourse(t, c, goodImage)
		until(t, func() error {
			if requests.writes() < writes && (outcome(read(t, c, template)) != v1alpha1.TrialStarted || jobs(t, c, template.Namespace) > 0) {
				return fmt.Errorf("the process has made %d writes, want %d or the end", requests.writes(), writes)
			}
			return nil
		})
		ended := requests.writes() < writes
		kill()
		<-done
		stop, _ := startErrands(t)
		reaches(t, c, template, v1alpha1.TrialStarted)
		noJobs(t, c, template.Namespace)
		if got := read(t, c, template).Status.Trials; len(got) != 1 {
			t.Errorf("killed after %d writes, the trials are %+v, want one", writes, got)
		}
		stop()
		if ended {
			if writes < 3 {
				t.Errorf("a trial makes %d writes, want at least a Job, a status and its removal", writes-1)
			}
			return
		}
	}
}

// recorder remembers the requests of a process, apart from watches and the lists that
// precede them.
type recorder struct {
	mutex sync.Mutex
	all   []string
	after func()
}

func (r *recorder) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		r.mutex.Lock()
		r.all = append(r.all, request.Method+" "+request.URL.String())
		r.mutex.Unlock()
		if r.after != nil {
			r.after()
		}
		return response, err
	})
}

// about returns the requests about the objects of a namespace.
func (r *recorder) about(namespace string) (found []string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, request := range r.all {
		if strings.Contains(request, "/namespaces/"+namespace+"/") {
			found = append(found, request)
		}
	}
	return found
}

func (r *recorder) writes() (count int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, request := range r.all {
		if !strings.HasPrefix(request, http.MethodGet) && !strings.Contains(request, "dryRun=All") {
			count++
		}
	}
	return count
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// startErrands runs the errand process until it is stopped, at the latest at the end of
// the test.
func startErrands(t *testing.T) (stop func(), requests *recorder) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	requests = &recorder{}
	done := run(t, ctx, requests)
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop, requests
}

func run(t *testing.T, ctx context.Context, requests *recorder) <-chan struct{} {
	t.Helper()
	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, v1alpha1.AddToScheme(scheme))
	server := apiserver.Config()
	server.Wrap(requests.wrap)
	mgr, err := ctrl.NewManager(server, ctrl.Options{
		Scheme: scheme, Cache: errand.CacheOptions(), Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: new(true)},
	})
	must(t, err)
	must(t, errand.SetupWithManager(mgr, clock.RealClock{}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := mgr.Start(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("the errand process ends: %v", err)
		}
	}()
	return done
}

// makeCourse makes a course with one Template that it uses.
func makeCourse(t *testing.T, c client.Client, image string) *v1alpha1.Template {
	t.Helper()
	template := newTemplate(apiserver.Namespace(t, c), "ide", image)
	makeTemplate(t, c, template)
	return template
}

func newTemplate(namespace, name, image string) *v1alpha1.Template {
	return &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TemplateSpec{
			Service: v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Volumes: []v1alpha1.Volume{{Name: "home", PVCSpec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			}}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "ide", Image: image, VolumeMounts: []corev1.VolumeMount{{Name: "home", MountPath: "/home"}},
			}}}},
		},
	}
}

func makeTemplate(t *testing.T, c client.Client, template *v1alpha1.Template) {
	t.Helper()
	must(t, c.Create(t.Context(), template))
	accept(t, c, template)
}

// accept writes the status that the controller would write.
func accept(t *testing.T, c client.Client, template *v1alpha1.Template) {
	t.Helper()
	until(t, func() error {
		live := read(t, c, template)
		revision, err := workload.NewRevision(live)
		must(t, err)
		live.Status.ObservedGeneration = live.Generation
		live.Status.Revision = &v1alpha1.TemplateRevision{Name: revision.Name, Since: metav1.Now()}
		live.Status.Userlands = &v1alpha1.TemplateUserlands{Total: 1}
		meta.SetStatusCondition(&live.Status.Conditions, metav1.Condition{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.AcceptedReason})
		return c.Status().Update(t.Context(), live)
	})
}

func edit(t *testing.T, c client.Client, template *v1alpha1.Template, image string) {
	t.Helper()
	until(t, func() error {
		live := read(t, c, template)
		live.Spec.Template.Spec.Containers[0].Image = image
		return c.Update(t.Context(), live)
	})
	accept(t, c, template)
}

func read(t *testing.T, c client.Client, template *v1alpha1.Template) *v1alpha1.Template {
	t.Helper()
	live := &v1alpha1.Template{}
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(template), live))
	return live
}

// outcome returns the outcome of the present revision.
func outcome(template *v1alpha1.Template) string {
	for _, trial := range template.Status.Trials {
		if template.Status.Revision != nil && trial.Revision == template.Status.Revision.Name {
			return trial.Outcome
		}
	}
	return ""
}

// reaches waits for an outcome of the present revision.
func reaches(t *testing.T, c client.Client, template *v1alpha1.Template, want string) (found v1alpha1.TemplateTrial) {
	t.Helper()
	until(t, func() error {
		live := read(t, c, template)
		if got := outcome(live); got != want {
			return fmt.Errorf("the outcome is %q, want %s: %+v", got, want, live.Status.Trials)
		}
		found = live.Status.Trials[0]
		return nil
	})
	return found
}

func jobs(t *testing.T, c client.Client, namespace string) int {
	t.Helper()
	list := &batchv1.JobList{}
	must(t, c.List(t.Context(), list, client.InNamespace(namespace)))
	return len(list.Items)
}

// noJobs waits until no errand is left in a namespace.
func noJobs(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	until(t, func() error {
		if n := jobs(t, c, namespace); n > 0 {
			return fmt.Errorf("%d Jobs are left", n)
		}
		return nil
	})
}

// playKubernetes makes the pods of Jobs, and removes both when a Job is deleted, as
// Kubernetes would.
func playKubernetes(t *testing.T, c client.Client) {
	t.Helper()
	priority := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.ErrandPriorityClass}, Value: -100, PreemptionPolicy: new(corev1.PreemptNever)}
	if err := c.Create(t.Context(), priority); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-done
	})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			playOnce(ctx, c)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
}

// playOnce ignores errors: what fails is done in the next round.
func playOnce(ctx context.Context, c client.Client) {
	list := &batchv1.JobList{}
	_ = c.List(ctx, list, client.HasLabels{v1alpha1.ErrandLabel})
	for i := range list.Items {
		job := &list.Items[i]
		pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: job.Spec.Template.Spec}
		pod.Namespace, pod.Name = job.Namespace, job.Name+"-abcde"
		if job.DeletionTimestamp != nil {
			_ = c.Delete(ctx, pod, client.GracePeriodSeconds(0))
			job.Finalizers = nil
			_ = c.Update(ctx, job)
			continue
		}
		if c.Create(ctx, pod) != nil {
			continue
		}
		now := metav1.Now()
		pod.Status.Phase = corev1.PodRunning
		status := corev1.ContainerStatus{Name: "ide", Image: pod.Spec.Containers[0].Image}
		ready := corev1.ConditionFalse
		if status.Image == brokenImage {
			status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}
		} else {
			status.State.Running, status.Ready, ready = &corev1.ContainerStateRunning{StartedAt: now}, true, corev1.ConditionTrue
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{status}
		pod.Status.Conditions = []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: now}, {Type: corev1.PodReady, Status: ready, LastTransitionTime: now},
		}
		endCanary(job, &pod.Status)
		bound := pod.DeepCopy()
		_ = c.SubResource("binding").Create(ctx, bound, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n"}})
		latest := &corev1.Pod{}
		if c.Get(ctx, client.ObjectKeyFromObject(pod), latest) == nil {
			latest.Status = pod.Status
			_ = c.Status().Update(ctx, latest)
		}
	}
}

func until(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
