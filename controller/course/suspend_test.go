package course_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

func suspend(w *classroom.Classroom, yes bool) {
	w.Helper()
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { c.Spec.Suspend = yes })
}

func TestSuspendedMeansUntouched(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), rosterFile("class", "user\nichiro\njiro\n"), enrolling(w, "class"), classroom.Student("hanako"), classroom.Student("taro"))
	for _, name := range []string{"hanako", "taro", "ichiro", "jiro"} {
		w.Reaches(name, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	}
	w.Opened("hanako")
	w.Opened("taro")
	tells(w, v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "4 of 4 ready")
	suspend(w, true)
	tells(w, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.SuspendedReason, "suspended: 4 of 4 ready")
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "")

	rewrite(w, "user\nichiro\nsaburo\n")
	w.Active("hanako", w.Clock.Now())
	w.Drop("taro")
	classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Template.Spec.Containers[0].Image = "ide:2" })
	w.Settled()
	// Also for who comes new.
	w.Stop()
	w.Start()
	w.Settled()
	enrolled(w, 3)
	if n := classroom.Replicas(w, "hanako"); n != 0 {
		t.Errorf("hanako was started: %d replicas", n)
	}
	if until := classroom.Get[corev1.PersistentVolumeClaim](w, "taro--home").Labels[v1alpha1.KeepUntilLabel]; until != "" {
		t.Errorf("the clock of taro's volume runs while the course is suspended: until %s", until)
	}
	if image := classroom.Get[appsv1.Deployment](w, "hanako").Spec.Template.Spec.Containers[0].Image; image != "ide:1" {
		t.Errorf("hanako was given image %s", image)
	}

	suspend(w, false)
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Reaches("saburo", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.KeptUntil("taro--home")
	enrolled(w, 3)
	tells(w, v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "3 of 3 ready")
	if got := ptr.Deref(classroom.Get[appsv1.Deployment](w, "hanako").Spec.Replicas, 1); got != 1 {
		t.Errorf("%d replicas after the end of the suspension", got)
	}
}
