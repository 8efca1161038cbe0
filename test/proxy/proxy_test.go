// Package proxy tests docs/proxies.md, the contract for proxies that are not
// Carrel's own: it plays one, with the rights the page gives it, on a real API
// server on which the controllers run and the policies count.
package proxy

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/clientset/versioned"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

// The course and carrel of the page, and whom it binds the role to.
const (
	course  = "prog1"
	carrel  = "hana-mori"
	account = "system:serviceaccount:proxies:proxy"

	controller = "system:serviceaccount:carrel-system:carrel-controller"
	service    = "code-server-" + carrel + "-svc"
)

// clients are what a program outside of Carrel goes by.
type clients struct {
	carrel  *versioned.Clientset
	builtin *kubernetes.Clientset
}

// as makes the clients of an account; of none: of the administrator.
func as(t *testing.T, account string) clients {
	t.Helper()
	config := configOf(account)
	ours, err := versioned.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return clients{ours, theirs}
}

func configOf(account string) *rest.Config {
	config := apiserver.Config()
	config.Impersonate.UserName = account
	return config
}

func TestForeignProxy(t *testing.T) {
	install(t)
	admin := as(t, "")
	makeCourse(t, admin)
	runControllers(t)
	playNode(t, admin)
	page := readPage(t)
	applyAll(t, page.yaml...)

	proxy := as(t, account)
	u := proxy.reaches(t, v1alpha1.StateAsleep)
	if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
		t.Errorf("a carrel that sleeps is not Ready: %+v", u.Status.Conditions)
	}
	if got, want := u.Status.Address, "http://"+service+"."+course+".svc:8080"; got != want {
		t.Errorf("its address is %s, want %s", got, want)
	}
	there := proxy.service(t)
	if _, err := admin.builtin.AppsV1().Deployments(course).Get(t.Context(), carrel, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("nobody opened it, and it has a Deployment (error %v)", err)
	}

	step := func(name string, do func(*testing.T)) {
		if !t.Run(name, do) {
			t.FailNow() // the next one begins where it ends
		}
	}
	step("kubectl wakes it", func(t *testing.T) {
		if got := run(t, page.kubectl(t)); got != u.Status.Address {
			t.Errorf("the commands of the page end with %q, want the address %s", got, u.Status.Address)
		}
		admin.awake(t, proxy, there)
	})
	step("only later activity counts", func(t *testing.T) {
		seen := proxy.get(t).Status.LastActivityTime
		for name, at := range map[string]time.Time{"earlier": seen.Add(-time.Second), "an hour from now": time.Now().Add(time.Hour)} {
			if err := proxy.report(t, at); !apierrors.IsInvalid(err) {
				t.Errorf("activity %s: got %v, want it refused as invalid", name, err)
			}
		}
	})
	step("it is stopped, and an old report does not wake it", func(t *testing.T) {
		stopped := admin.stop(t)
		proxy.reaches(t, v1alpha1.StateAsleep)
		if n := admin.replicas(t); n != 0 {
			t.Errorf("it sleeps, and there are to be %d pods", n)
		}
		for time.Now().Unix() <= stopped.Unix() {
			time.Sleep(10 * time.Millisecond)
		}
	})
	step("client-go wakes it", func(t *testing.T) {
		if got := run(t, page.example(t)); got != u.Status.Address {
			t.Errorf("the example prints %q, want the address %s", got, u.Status.Address)
		}
		admin.awake(t, proxy, there)
	})
}

// report says that the user was seen, as the page has it in Go.
func (c clients) report(t *testing.T, at time.Time) error {
	activity := applyv1alpha1.Userland(carrel, course).
		WithStatus(applyv1alpha1.UserlandStatus().WithLastActivityTime(metav1.NewTime(at)))
	_, err := c.carrel.CarrelV1alpha1().Userlands(course).
		ApplyStatus(t.Context(), activity, metav1.ApplyOptions{FieldManager: "my-proxy", Force: true})
	return err
}

// stop asks for a stop as of the last that was seen of the user.
func (c clients) stop(t *testing.T) metav1.Time {
	t.Helper()
	status := c.get(t).Status
	at := *status.LastActivityTime
	if status.LastStartTime.After(at.Time) {
		at = *status.LastStartTime
	}
	requests := applyv1alpha1.UserlandStatus().WithRequests(applyv1alpha1.Requests().WithStopAt(at))
	_, err := c.carrel.CarrelV1alpha1().Userlands(course).
		ApplyStatus(t.Context(), applyv1alpha1.Userland(carrel, course).WithStatus(requests), metav1.ApplyOptions{FieldManager: "board"})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// awake checks that the carrel runs, behind the Service it always had.
func (c clients) awake(t *testing.T, proxy clients, before types.UID) {
	t.Helper()
	proxy.reaches(t, v1alpha1.StateRunning)
	if n := c.replicas(t); n != 1 {
		t.Errorf("it runs, and there are to be %d pods", n)
	}
	if now := proxy.service(t); now != before {
		t.Errorf("Service %s is another one than before", service)
	}
}

func (c clients) get(t *testing.T) *v1alpha1.Userland {
	t.Helper()
	u, err := c.carrel.CarrelV1alpha1().Userlands(course).Get(t.Context(), carrel, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// reaches waits until the carrel has a state. A role just made takes a moment to
// count, and until then reading is refused.
func (c clients) reaches(t *testing.T, state string) *v1alpha1.Userland {
	t.Helper()
	var u *v1alpha1.Userland
	var err error
	timeout := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		u, err = c.carrel.CarrelV1alpha1().Userlands(course).Get(ctx, carrel, metav1.GetOptions{})
		return err == nil && u.Status.State == state, nil
	})
	if timeout != nil {
		t.Fatalf("it does not come to %s: %+v (%v)", state, u, err)
	}
	return u
}

// service is the identity of the Service to route to.
func (c clients) service(t *testing.T) types.UID {
	t.Helper()
	s, err := c.builtin.CoreV1().Services(course).Get(t.Context(), service, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s.UID
}

func (c clients) replicas(t *testing.T) int32 {
	t.Helper()
	d, err := c.builtin.AppsV1().Deployments(course).Get(t.Context(), carrel, metav1.GetOptions{})
	if err != nil || d.Spec.Replicas == nil {
		t.Fatalf("Deployment %s: %v", carrel, err)
	}
	return *d.Spec.Replicas
}

func makeCourse(t *testing.T, admin clients) {
	t.Helper()
	for _, namespace := range []string{course, "proxies"} {
		if _, err := admin.builtin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	template := &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Name: "code-server"},
		Spec: v1alpha1.TemplateSpec{
			Idle:    &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}},
			Service: v1alpha1.ServiceSpec{Name: "code-server-$(CARREL_USERLAND)-svc", Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "ide", Image: "ide:1"}},
			}},
		},
	}
	if _, err := admin.carrel.CarrelV1alpha1().Templates(course).Create(t.Context(), template, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	student := &v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Name: carrel},
		Spec:       v1alpha1.UserlandSpec{User: "hana.mori@stu.example.ac.jp", TemplateName: template.Name},
	}
	if _, err := admin.carrel.CarrelV1alpha1().Userlands(course).Create(t.Context(), student, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// playNode plays the Deployment controller and kubelet until the test ends: what
// is wanted runs.
func playNode(t *testing.T, admin clients) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			// What fails is tried again in the next round.
			if d, err := admin.builtin.AppsV1().Deployments(course).Get(ctx, carrel, metav1.GetOptions{}); err == nil && d.Status.ObservedGeneration != d.Generation {
				admin.play(ctx, d)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// play makes the pods of a Deployment what it wants now.
func (c clients) play(ctx context.Context, d *appsv1.Deployment) {
	pods, now := c.builtin.CoreV1().Pods(course), int64(0)
	_ = pods.DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation}
	if *d.Spec.Replicas > 0 {
		pod, err := pods.Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: d.Name + "-", Labels: d.Spec.Template.Labels},
			Spec:       d.Spec.Template.Spec,
		}, metav1.CreateOptions{})
		if err != nil {
			return
		}
		pod.Status = answering(pod)
		_, _ = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = 1, 1, 1, 1
	}
	_, _ = c.builtin.AppsV1().Deployments(course).UpdateStatus(ctx, d, metav1.UpdateOptions{})
}

func answering(pod *corev1.Pod) corev1.PodStatus {
	isTrue := func(condition corev1.PodConditionType) corev1.PodCondition {
		return corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}
	}
	started, container := true, pod.Spec.Containers[0]
	return corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{isTrue(corev1.PodScheduled), isTrue(corev1.PodReady)},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: container.Name, Image: container.Image, Ready: true, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
		}},
	}
}
