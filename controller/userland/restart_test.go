package userland_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// A controller killed several times on the way through a class ends where one
// does that was left alone.
func TestKilledOnTheWay(t *testing.T) {
	const size = 24
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), w.Course())
	w.Make(classroom.Class(size)...)
	for _, enough := range []int{10, 30, 60} {
		w.Until(func() error {
			// On a slow machine much is under way when it is killed, and less is left.
			if made := len(w.Requests.Writes()); made < enough && !allRun(w, size) {
				return fmt.Errorf("only %d writes made", made)
			}
			return nil
		})
		w.Stop()
		w.Start()
	}
	for _, s := range classroom.Class(size) {
		w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	w.Settled()
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &corev1.ServiceList{}, &corev1.PersistentVolumeClaimList{}} {
		if err := w.List(t.Context(), list, client.InNamespace(w.Namespace)); err != nil {
			t.Fatal(err)
		}
		if n := length(list); n != size {
			t.Errorf("%T has %d, want %d: one for each Userland", list, n, size)
		}
	}
}

// allRun reports whether so many carrels run.
func allRun(w *classroom.Classroom, size int) bool {
	w.Helper()
	class := &v1alpha1.UserlandList{}
	if err := w.List(w.Context(), class, client.InNamespace(w.Namespace)); err != nil {
		w.Fatal(err)
	}
	running := 0
	for i := range class.Items {
		if class.Items[i].Status.State == v1alpha1.StateRunning {
			running++
		}
	}
	return running == size
}

func length(list client.ObjectList) int {
	switch l := list.(type) {
	case *appsv1.DeploymentList:
		return len(l.Items)
	case *corev1.ServiceList:
		return len(l.Items)
	case *corev1.PersistentVolumeClaimList:
		return len(l.Items)
	}
	return -1
}
