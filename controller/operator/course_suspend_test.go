package operator_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func (w *world) suspend(yes bool) {
	w.Helper()
	change(w, w.namespace, func(c *v1alpha1.Course) { c.Spec.Suspend = yes })
}

func TestSuspendedMeansUntouched(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(sleeper(), rosterFile("class", "user\nichiro\njiro\n"), w.enrolling("class"), student("hanako"), student("taro"))
	for _, name := range []string{"hanako", "taro", "ichiro", "jiro"} {
		w.reaches(name, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	}
	w.tells(v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "4 of 4 ready")
	w.suspend(true)
	w.tells(v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.SuspendedReason, "suspended: 4 of 4 ready")
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "")

	w.rewrite("user\nichiro\nsaburo\n")
	w.active("hanako", w.clock.Now())
	w.drop("taro")
	change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Template.Spec.Containers[0].Image = "ide:2" })
	w.settled()
	// Also for who comes new.
	w.stop()
	w.start()
	w.settled()
	w.enrolled(3)
	if n := replicas(w, "hanako"); n != 0 {
		t.Errorf("hanako was started: %d replicas", n)
	}
	if until := get[corev1.PersistentVolumeClaim](w, "taro--home").Labels[v1alpha1.KeepUntilLabel]; until != "" {
		t.Errorf("the clock of taro's volume runs while the course is suspended: until %s", until)
	}
	if image := get[appsv1.Deployment](w, "hanako").Spec.Template.Spec.Containers[0].Image; image != "ide:1" {
		t.Errorf("hanako was given image %s", image)
	}

	w.suspend(false)
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.reaches("saburo", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.keptUntil("taro--home")
	w.enrolled(3)
	w.tells(v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "3 of 3 ready")
	if got := ptr.Deref(get[appsv1.Deployment](w, "hanako").Spec.Replicas, 1); got != 1 {
		t.Errorf("%d replicas after the end of the suspension", got)
	}
}
