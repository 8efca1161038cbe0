package course_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// Flux prunes all a course consists of: the Course, its roster, its Template and the
// students' files. The work stays for the time promised, says so, and is there again
// when the course is.
func TestPrunedCourseKeepsTheWork(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	everything := func() []client.Object {
		return []client.Object{classroom.IDE(), rosterFile("class", "user\nhanako\n"), enrolling(w, "class"), classroom.Student("taro")}
	}
	w.Make(everything()...)
	for _, name := range []string{"hanako", "taro"} {
		w.Reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	if !metav1.IsControlledBy(classroom.Get[v1alpha1.Userland](w, "hanako"), classroom.Get[v1alpha1.Course](w, w.Namespace)) {
		t.Fatal("the row's Userland is not the Course's, so nothing is shown")
	}
	before := map[string]string{}
	for _, claim := range []string{"hanako--home", "taro--home"} {
		before[claim] = string(classroom.Get[corev1.PersistentVolumeClaim](w, claim).UID)
	}

	for _, o := range everything() {
		if _, file := o.(*v1alpha1.Userland); file {
			continue
		}
		o.SetNamespace(w.Namespace)
		if err := w.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	w.Drop("taro")   // by Flux
	w.Drop("hanako") // by the garbage collector, since her Course is gone
	for claim := range before {
		if promised := classroom.PromisedFor(t, w.KeptUntil(claim)); promised != 30*24*time.Hour {
			t.Errorf("%s is kept for %v, want 30 days", claim, promised)
		}
		w.Until(func() error { return w.Told("VolumeKept", "kept until") })
	}
	w.Later(29 * 24 * time.Hour)
	w.Settled()

	w.Make(everything()...)
	for _, name := range []string{"hanako", "taro"} {
		w.Reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	for claim, uid := range before {
		found := classroom.Get[corev1.PersistentVolumeClaim](w, claim)
		if string(found.UID) != uid || found.Labels[v1alpha1.KeepUntilLabel] != "" {
			t.Errorf("%s is another volume, or still to go: %+v", claim, found.ObjectMeta)
		}
	}
}
