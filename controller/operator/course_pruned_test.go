package operator_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Flux prunes all a course consists of: the Course, its roster, its Template and the
// students' files. The work stays for the time promised, says so, and is there again
// when the course is.
func TestPrunedCourseKeepsTheWork(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	everything := func() []client.Object {
		return []client.Object{ide(), rosterFile("class", "user\nhanako\n"), w.enrolling("class"), student("taro")}
	}
	w.make(everything()...)
	for _, name := range []string{"hanako", "taro"} {
		w.reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	if !metav1.IsControlledBy(get[v1alpha1.Userland](w, "hanako"), get[v1alpha1.Course](w, w.namespace)) {
		t.Fatal("the row's Userland is not the Course's, so nothing is shown")
	}
	before := map[string]string{}
	for _, claim := range []string{"hanako--home", "taro--home"} {
		before[claim] = string(get[corev1.PersistentVolumeClaim](w, claim).UID)
	}

	for _, o := range everything() {
		if _, file := o.(*v1alpha1.Userland); file {
			continue
		}
		o.SetNamespace(w.namespace)
		if err := w.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	w.drop("taro")   // by Flux
	w.drop("hanako") // by the garbage collector, since her Course is gone
	for claim := range before {
		if promised := in(t, w.keptUntil(claim)); promised != 30*24*time.Hour {
			t.Errorf("%s is kept for %v, want 30 days", claim, promised)
		}
		w.until(func() error { return w.told("VolumeKept", "kept until") })
	}
	w.later(29 * 24 * time.Hour)
	w.settled()

	w.make(everything()...)
	for _, name := range []string{"hanako", "taro"} {
		w.reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	for claim, uid := range before {
		found := get[corev1.PersistentVolumeClaim](w, claim)
		if string(found.UID) != uid || found.Labels[v1alpha1.KeepUntilLabel] != "" {
			t.Errorf("%s is another volume, or still to go: %+v", claim, found.ObjectMeta)
		}
	}
}
