package errand_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/test/apiserver"
)

const (
	isolatedReport = `{"network":true,"tried":9}`
	openReport     = `{"network":true,"tried":9,"open":["carrel=10.0.0.9:8080"]}`
)

// reports has, by namespace, what the canaries of playKubernetes end with.
var reports sync.Map

// TestCanary follows a course whose network enforces nothing at first.
func TestCanary(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	startErrands(t)
	course := makeClass(t, c, openReport)
	open := says(t, c, course, metav1.ConditionFalse)
	if open.Reason != v1alpha1.OpenReason || !strings.Contains(open.Message, "the pod of another carrel") {
		t.Errorf("the open course says %s: %q", open.Reason, open.Message)
	}
	noJobs(t, c, course.Namespace)

	reports.Store(course.Namespace, isolatedReport)
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: course.Namespace, Name: "deny"}}
	must(t, c.Create(t.Context(), policy))
	says(t, c, course, metav1.ConditionTrue)
	noJobs(t, c, course.Namespace)
	live := &v1alpha1.Course{}
	must(t, c.Get(t.Context(), client.ObjectKeyFromObject(course), live))
	if s := live.Status.Isolation; s == nil || s.ProvenTime == nil || s.RetryTime.Sub(s.Time.Time) != 24*time.Hour || s.Failures != 0 {
		t.Errorf("the course records %+v, want the time of the answer and of the next attempt, a day later", s)
	}
}

// TestCanaryTries checks the arguments of a canary: the neighbour by pod and Service, and
// the processes of Carrel.
func TestCanaryTries(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	course := makeClass(t, c, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	arguments := make(chan []string, 1)
	go func() {
		for ctx.Err() == nil {
			list := &batchv1.JobList{}
			if c.List(ctx, list, client.InNamespace(course.Namespace)) == nil && len(list.Items) > 0 {
				arguments <- list.Items[0].Spec.Template.Spec.Containers[0].Args
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	startErrands(t)
	select {
	case got := <-arguments:
		text := strings.Join(got, " ")
		for _, part := range []string{"canary --try=carrel=10.0.0.9:8080", "--try=service=hana." + course.Namespace + ".svc:8080", "--try=api-server=kubernetes.default.svc:443", "--try=metadata=169.254.169.254:80", "--try=processes=10.0.9.9:8081"} {
			if !strings.Contains(text, part) {
				t.Errorf("the canary's arguments %q lack %q", text, part)
			}
		}
		if strings.Contains(text, "10.0.9.9:8443") {
			t.Errorf("the canary tries the port for browsers: %q", text)
		}
	case <-time.After(patience):
		t.Fatal("no canary starts")
	}
	if got := says(t, c, course, metav1.ConditionUnknown); !strings.Contains(got.Message, "without a report") {
		t.Errorf("after a canary without a word, the course says %q", got.Message)
	}
}

// TestCanarySettledIsSilent checks that a restarted process asks nothing about a course
// that was tried.
func TestCanarySettledIsSilent(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	stop, _ := startErrands(t)
	course := makeClass(t, c, isolatedReport)
	says(t, c, course, metav1.ConditionTrue)
	noJobs(t, c, course.Namespace)
	stop()

	_, requests := startErrands(t)
	// When the canary of another course is over, the first one was reconciled long ago.
	other := makeClass(t, c, isolatedReport)
	says(t, c, other, metav1.ConditionTrue)
	if about := requests.about(course.Namespace); len(about) > 0 {
		t.Errorf("after a restart, the process asks about a course that was tried: %v", about)
	}
}

// TestCanaryKilledAnywhere checks that a process that is killed after any of its writes
// leaves what another one brings to the same end.
func TestCanaryKilledAnywhere(t *testing.T) {
	c := apiserver.Client(t)
	playKubernetes(t, c)
	for writes := 1; writes <= 3; writes++ {
		ctx, kill := context.WithCancel(t.Context())
		requests := &recorder{}
		requests.after = func() {
			if requests.writes() == writes {
				kill()
			}
		}
		done := run(t, ctx, requests)
		course := makeClass(t, c, isolatedReport)
		<-done
		stop, _ := startErrands(t)
		says(t, c, course, metav1.ConditionTrue)
		noJobs(t, c, course.Namespace)
		live := &v1alpha1.Course{}
		must(t, c.Get(t.Context(), client.ObjectKeyFromObject(course), live))
		if got := live.Status.Isolation.Attempts; got != 1 {
			t.Errorf("killed after %d writes, there were %d attempts, want one", writes, got)
		}
		stop()
	}
}

// makeClass makes a course in which one carrel runs. Its canaries end with a report.
func makeClass(t *testing.T, c client.Client, report string) *v1alpha1.Course {
	t.Helper()
	makeSystem(t, c)
	namespace := apiserver.Namespace(t, c)
	reports.Store(namespace, report)
	template := newTemplate(namespace, "ide", goodImage)
	template.Spec.Trial = v1alpha1.TrialNever
	must(t, c.Create(t.Context(), template))
	course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: namespace}}
	must(t, c.Create(t.Context(), course))
	makePod(t, c, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "hana-1", Labels: map[string]string{v1alpha1.UserlandLabel: "hana"}}}, "10.0.0.9")
	userland := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "hana"}}
	must(t, c.Create(t.Context(), userland))
	userland.Status.State = v1alpha1.StateRunning
	userland.Status.Template = &v1alpha1.ObservedTemplate{Name: "ide"}
	userland.Status.Address = "http://hana." + namespace + ".svc:8080"
	must(t, c.Status().Update(t.Context(), userland))
	return course
}

// makeSystem makes what a canary needs of carrel-system: the Deployment of the errand
// process, and a pod of the gateway.
func makeSystem(t *testing.T, c client.Client) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "carrel-system"}}
	if err := c.Create(t.Context(), namespace); apierrors.IsAlreadyExists(err) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app.kubernetes.io/name": "carrel-errand"}
	must(t, c.Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "carrel-system", Name: "carrel-errand"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "carrel:1"}}},
		}},
	}))
	makePod(t, c, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "carrel-system", Name: "gateway-1", Labels: map[string]string{"app.kubernetes.io/part-of": "carrel", "app.kubernetes.io/name": "carrel-gateway"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "gateway:1", Ports: []corev1.ContainerPort{{Name: "https", ContainerPort: 8443}, {Name: "health", ContainerPort: 8081}}}}},
	}, "10.0.9.9")
}

// makePod makes a pod that is ready.
func makePod(t *testing.T, c client.Client, pod *corev1.Pod, address string) {
	t.Helper()
	if len(pod.Spec.Containers) == 0 {
		pod.Spec.Containers = []corev1.Container{{Name: "a", Image: goodImage}}
	}
	must(t, c.Create(t.Context(), pod))
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	must(t, c.Status().Update(t.Context(), pod))
}

// says waits for the condition Isolated of a Course.
func says(t *testing.T, c client.Client, course *v1alpha1.Course, want metav1.ConditionStatus) (found metav1.Condition) {
	t.Helper()
	until(t, func() error {
		live := &v1alpha1.Course{}
		must(t, c.Get(t.Context(), client.ObjectKeyFromObject(course), live))
		got := meta.FindStatusCondition(live.Status.Conditions, v1alpha1.IsolatedCondition)
		if got == nil || got.Status != want {
			return fmt.Errorf("the course says %+v, want Isolated %s", got, want)
		}
		found = *got
		return nil
	})
	return found
}

// endCanary ends the pod of a canary as its program would.
func endCanary(job *batchv1.Job, status *corev1.PodStatus) {
	if !workload.IsCanary(job) {
		return
	}
	report, _ := reports.Load(job.Namespace)
	message, _ := report.(string)
	status.Phase = corev1.PodSucceeded
	status.ContainerStatuses = []corev1.ContainerStatus{{Name: workload.CanaryCommand, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: message}}}}
}
