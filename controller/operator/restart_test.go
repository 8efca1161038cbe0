package operator_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// A controller killed several times on the way through a class ends where one
// does that was left alone.
func TestKilledOnTheWay(t *testing.T) {
	const size = 24
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), w.course())
	w.make(class(size)...)
	for _, enough := range []int{10, 30, 60} {
		w.until(func() error {
			// On a slow machine much is under way when it is killed, and less is left.
			if made := len(w.requests.writes()); made < enough && !w.allRun(size) {
				return fmt.Errorf("only %d writes made", made)
			}
			return nil
		})
		w.stop()
		w.start()
	}
	for _, s := range class(size) {
		w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	w.settled()
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &corev1.ServiceList{}, &corev1.PersistentVolumeClaimList{}} {
		if err := w.List(t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			t.Fatal(err)
		}
		if n := length(list); n != size {
			t.Errorf("%T has %d, want %d: one for each Userland", list, n, size)
		}
	}
}

// allRun reports whether so many carrels run.
func (w *world) allRun(size int) bool {
	w.Helper()
	class := &v1alpha1.UserlandList{}
	if err := w.List(w.Context(), class, client.InNamespace(w.namespace)); err != nil {
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

func TestCourseCounts(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	lost := student("lost")
	lost.Spec.TemplateName = ""
	w.make(append(class(5), ide(), w.course(), lost)...)
	says := func(status, message string) *v1alpha1.Course {
		t.Helper()
		var course *v1alpha1.Course
		w.until(func() error {
			course = get[v1alpha1.Course](w, w.namespace)
			for _, c := range course.Status.Conditions {
				if c.Type == v1alpha1.ReadyCondition && string(c.Status) == status && c.Message == message {
					return nil
				}
			}
			return fmt.Errorf("the Course says %+v, want Ready=%s: %s", course.Status.Conditions, status, message)
		})
		checkConditions(t, course)
		return course
	}
	says("False", "1 of 6 needs attention: NoTemplate 1")
	w.drop("lost")
	course := says("True", "5 of 5 ready")
	if running := course.Status.Userlands.States[v1alpha1.StateRunning]; running != 5 || len(course.Status.Userlands.Attention) > 0 {
		t.Errorf("counts %+v, want 5 running and none that needs attention", course.Status.Userlands)
	}
}
