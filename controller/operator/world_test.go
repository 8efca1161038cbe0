package operator_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/operator"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) {
	// Controllers that are killed on purpose complain at length.
	ctrl.SetLogger(logr.Discard())
	apiserver.Main(m)
}

// world is a namespace of the real API server in which the controllers run.
type world struct {
	*testing.T
	client.Client
	namespace string
	requests  *requests
	// clock is the one the controllers go by.
	clock shiftedClock
	stop  func()
	// paused stops those whom playCluster plays.
	paused atomic.Bool
}

// shiftedClock is the real one, put forward by what a test says.
type shiftedClock struct{ offset atomic.Int64 }

func (c *shiftedClock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load()))
}

func (c *shiftedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// later puts the clock forward and starts the controllers anew, as a timer or
// another restart would have them look again.
func (w *world) later(d time.Duration) {
	w.Helper()
	w.clock.offset.Add(int64(d))
	w.stop()
	w.start()
}

// newWorld makes a namespace and starts the controllers.
func newWorld(t *testing.T) *world {
	t.Helper()
	c := apiserver.Client(t)
	grant(t, c)
	// Worlds know nothing of each other, and mostly wait.
	t.Parallel()
	w := &world{T: t, Client: c, namespace: apiserver.Namespace(t, c)}
	w.start()
	return w
}

// start runs the controllers until stop, or the end of the test.
func (w *world) start() {
	w.Helper()
	w.requests = &requests{}
	restConfig := apiserver.Config()
	restConfig.Impersonate.UserName = account
	restConfig.Wrap(w.requests.wrap)
	ctx, cancel := context.WithCancel(context.Background())
	mgr := manager(w.T, ctx, restConfig, w.namespace, &w.clock)
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the controllers ended with %v", err)
		}
	}
	w.Cleanup(w.stop)
}

// manager runs all controllers, as the command does, but for one namespace: the
// other tests' are none of its business.
func manager(t *testing.T, ctx context.Context, restConfig *rest.Config, namespace string, clock clock.PassiveClock) ctrl.Manager {
	t.Helper()
	atOnce := time.Duration(0)
	options := kube.CacheOptions()
	options.DefaultNamespaces = inNamespace(namespace)
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:  apiserver.Scheme(),
		Cache:   options,
		Metrics: metricsserver.Options{BindAddress: "0"},
		// Killed, not asked to end.
		GracefulShutdownTimeout: &atOnce,
		Controller:              config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.SetupWithManager(ctx, mgr, clock, operator.Controllers...); err != nil {
		t.Fatal(err)
	}
	return mgr
}

// patience bounds each wait. It is far more than anything takes on a slow machine.
const patience = 3 * time.Minute

// until polls until the check passes, and fails with its last words if it never
// does.
func (w *world) until(check func() error) {
	w.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	w.Fatal(err)
}

// make creates objects in the namespace.
func (w *world) make(objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		o.SetNamespace(w.namespace)
		if err := w.Create(w.Context(), o); err != nil {
			w.Fatalf("make %T %s: %v", o, o.GetName(), err)
		}
	}
}

// change edits an object until no other writer is in the way.
func change[T any, O interface {
	*T
	client.Object
}](w *world, name string, edit func(O)) {
	w.Helper()
	w.until(func() error {
		o := O(new(T))
		if err := w.Get(w.Context(), w.key(name), o); err != nil {
			return err
		}
		edit(o)
		return w.Update(w.Context(), o)
	})
}

// changeStatus edits the status of an object, whoever else writes it.
func changeStatus[T any, O interface {
	*T
	client.Object
}](w *world, name string, edit func(O)) {
	w.Helper()
	w.until(func() error {
		o := O(new(T))
		if err := w.Get(w.Context(), w.key(name), o); err != nil {
			return err
		}
		edit(o)
		return w.Status().Update(w.Context(), o)
	})
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.namespace, Name: name}
}

// get reads an object that must be there.
func get[T any, O interface {
	*T
	client.Object
}](w *world, name string) O {
	w.Helper()
	o := O(new(T))
	if err := w.Get(w.Context(), w.key(name), o); err != nil {
		w.Fatalf("read %T %s: %v", o, name, err)
	}
	return o
}

// reaches waits until a Userland has a state, for a reason, and returns it.
func (w *world) reaches(name, state, reason string) *v1alpha1.Userland {
	w.Helper()
	u := &v1alpha1.Userland{}
	w.until(func() error {
		if err := w.Get(w.Context(), w.key(name), u); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		if ready == nil || u.Status.State != state || ready.Reason != reason || u.Status.ObservedGeneration != u.Generation {
			return fmt.Errorf("%s is %q with conditions %+v (generation %d of %d), want state %s and reason %s",
				name, u.Status.State, u.Status.Conditions, u.Status.ObservedGeneration, u.Generation, state, reason)
		}
		return nil
	})
	checkConditions(w.T, u)
	return u
}

// message is that of the Ready condition.
func message(u *v1alpha1.Userland) string {
	return meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition).Message
}

// ide is a Template with one volume.
func ide() *v1alpha1.Template {
	return &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Name: "ide"},
		Spec: v1alpha1.TemplateSpec{
			Service: v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Volumes: []v1alpha1.Volume{{Name: "home", PVCSpec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1024Mi")}},
			}}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name:         "ide",
				Image:        "ide:1",
				Args:         []string{"--user=$(CARREL_USER)"},
				Env:          []corev1.EnvVar{{Name: "EMPTY"}, {Name: "GREETING", Value: "hello $(CARREL_USER)"}},
				Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				VolumeMounts: []corev1.VolumeMount{{Name: "home", MountPath: "/home/user"}},
				Resources: corev1.ResourceRequirements{
					// Odd spellings of quantities must not look like a difference.
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0.5"), corev1.ResourceMemory: resource.MustParse("1024Mi")},
				},
			}}}},
		},
	}
}

// course is the one of the namespace.
func (w *world) course() *v1alpha1.Course {
	return &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
}

func student(name string) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserlandSpec{TemplateName: "ide"}}
}

// class is a number of students.
func class(size int) []client.Object {
	students := make([]client.Object, size)
	for i := range students {
		students[i] = student(fmt.Sprintf("student-%02d", i))
	}
	return students
}

func objectNamed(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func quantity(q string) resource.Quantity { return resource.MustParse(q) }
