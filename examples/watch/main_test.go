package main

import (
	"bufio"
	"context"
	"io"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/clientset/versioned"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

func TestWatchPrintsEachCarrelAndWhatChanges(t *testing.T) {
	namespace := apiserver.Namespace(t, apiserver.Client(t))
	client, err := versioned.NewForConfig(apiserver.Config())
	if err != nil {
		t.Fatal(err)
	}
	userlands := client.CarrelV1alpha1().Userlands(namespace)
	hanako := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: "hanako"}, Spec: v1alpha1.UserlandSpec{User: "hanako@example.ac.jp"}}
	if _, err := userlands.Create(t.Context(), hanako, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	printed, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- watch(ctx, apiserver.Config(), namespace, out); out.Close() }()
	lines := bufio.NewScanner(printed)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it prints %q, want %q", lines.Text(), want)
		}
	}

	expect("hanako of hanako@example.ac.jp is not seen by the controller yet")
	expect("carrels in " + namespace + ": 1")
	state := func(state string) {
		t.Helper()
		status := applyv1alpha1.Userland("hanako", namespace).WithStatus(applyv1alpha1.UserlandStatus().WithState(state))
		if _, err := userlands.ApplyStatus(t.Context(), status, metav1.ApplyOptions{FieldManager: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	state(v1alpha1.StateAsleep)
	expect("hanako of hanako@example.ac.jp is Asleep")
	state("Prewarmed")
	expect("hanako of hanako@example.ac.jp is Prewarmed")
	if err := userlands.Delete(t.Context(), "hanako", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect(namespace + "/hanako is gone")

	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
	if lines.Scan() {
		t.Errorf("it prints %q besides", lines.Text())
	}
}
