package kube_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
)

// Outside the controller there is no index, and the answers are the same.
func TestPersonWithoutAnIndex(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for _, login := range []string{"L6", "l6", "taro"} {
		named := metav1.ObjectMeta{Namespace: "prog1", Name: "of-" + login, Annotations: map[string]string{v1alpha1.UserAnnotation: login}}
		builder.WithObjects(&corev1.PersistentVolumeClaim{ObjectMeta: named}, &v1alpha1.Userland{ObjectMeta: named, Spec: v1alpha1.UserlandSpec{User: login}})
	}
	reader := kube.ByLabel(builder.Build())
	claims, err := kube.ClaimsOfPerson(t.Context(), reader, "prog1", "l6")
	if err != nil || len(claims) != 2 {
		t.Errorf("%d claims, %v; want 2", len(claims), err)
	}
	userlands, err := kube.UserlandsOfPerson(t.Context(), reader, "prog1", "L6")
	if err != nil || len(userlands) != 2 {
		t.Errorf("%d Userlands, %v; want 2", len(userlands), err)
	}
	if nobody, err := kube.ClaimsOfPerson(t.Context(), reader, "elsewhere", "l6"); err != nil || len(nobody) > 0 {
		t.Errorf("of another course, %d claims, %v", len(nobody), err)
	}
}
