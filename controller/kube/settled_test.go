package kube

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// counted counts the objects that are read by their schema, which every comparison
// begins with.
type counted struct {
	managedfields.TypeConverter
	read *int
}

func (c counted) ObjectToTyped(o runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	*c.read++
	return c.TypeConverter.ObjectToTyped(o, options...)
}

// A version of an object that was found to meet an intent is not compared with it
// again. A comparison of a Deployment takes 0.4 ms, and a class is looked at as a whole.
func TestSettledIsComparedOnce(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).Build()
	a, read := NewApplier(c, c), 0
	a.types = counted{a.types, &read}
	owner := &metav1.ObjectMeta{Namespace: "prog1", Name: "hanako", UID: "1"}
	want := intent().WithOwnerReferences(metav1ac.OwnerReference().WithAPIVersion("carrel.dev/v1alpha1").WithKind("Userland").
		WithName(owner.Name).WithUID(owner.UID).WithController(true))
	compared := func() bool {
		t.Helper()
		before := read
		if _, err := Ensure[appsv1.Deployment](t.Context(), a, owner, want); err != nil {
			t.Fatal(err)
		}
		return read > before
	}
	compared()
	if !compared() {
		t.Error("an object that was just created is not compared")
	}
	if compared() {
		t.Error("the same version is compared again with the same intent")
	}
	want.WithLabels(map[string]string{"carrel.dev/userland": "hanako"})
	if !compared() {
		t.Error("another intent is not compared")
	}
	stored := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako"}}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(stored), stored); err != nil {
		t.Fatal(err)
	}
	compared()
	stored.Labels["theirs"] = "too"
	if err := c.Update(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if !compared() {
		t.Error("another version is not compared")
	}
}
