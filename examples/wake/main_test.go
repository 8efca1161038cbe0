package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/clientset/versioned"
	typedv1alpha1 "github.com/carrel-dev/carrel/api/clientset/versioned/typed/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

// inState creates a carrel in a state.
func inState(t *testing.T, state string) (string, typedv1alpha1.UserlandInterface) {
	t.Helper()
	namespace := apiserver.Namespace(t, apiserver.Client(t))
	client, err := versioned.NewForConfig(apiserver.Config())
	if err != nil {
		t.Fatal(err)
	}
	userlands := client.CarrelV1alpha1().Userlands(namespace)
	if _, err := userlands.Create(t.Context(), &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: "hanako"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	setState(t, userlands, namespace, state)
	return namespace, userlands
}

// setState writes the status in place of the controller.
func setState(t *testing.T, userlands typedv1alpha1.UserlandInterface, namespace, state string) {
	t.Helper()
	status := applyv1alpha1.UserlandStatus().WithState(state).WithAddress("http://hanako." + namespace + ".svc:8080")
	_, err := userlands.ApplyStatus(t.Context(), applyv1alpha1.Userland("hanako", namespace).WithStatus(status), metav1.ApplyOptions{FieldManager: "carrel-controller"})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWakeReportsActivityAndWaits(t *testing.T) {
	namespace, userlands := inState(t, v1alpha1.StateAsleep)
	var out bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- wake(t.Context(), apiserver.Config(), namespace, "hanako", &out) }()

	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		u, err := userlands.Get(ctx, "hanako", metav1.GetOptions{})
		return err == nil && u.Status.LastActivityTime != nil, err
	})
	if err != nil {
		t.Fatalf("no activity is reported: %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it does not wait: %v", err)
	default:
	}
	setState(t, userlands, namespace, v1alpha1.StateRunning)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "http://hanako."+namespace+".svc:8080\n"; got != want {
		t.Errorf("it prints %q, want %q", got, want)
	}
	u, err := userlands.Get(t.Context(), "hanako", metav1.GetOptions{})
	if err != nil || u.Status.State != v1alpha1.StateRunning || u.Status.LastActivityTime == nil {
		t.Errorf("got %+v (%v), want what each of the two wrote", u.Status, err)
	}
}

func TestWakeSaysWhyNot(t *testing.T) {
	namespace, _ := inState(t, v1alpha1.StateDisabled)
	for _, tt := range []struct{ name, carrel, want string }{
		{"no name", "", "name the carrel"},
		{"no such carrel", "taro", `report activity of ` + namespace + `/taro: userlands.carrel.dev "taro" not found`},
		{"a disabled one", "hanako", namespace + "/hanako does not come up: it is disabled by its spec"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := wake(t.Context(), apiserver.Config(), namespace, tt.carrel, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
}
