package userland_test

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func attachedAt(c *cluster) string {
	c.Helper()
	return get[corev1.PersistentVolumeClaim](c, "hanako--home").Annotations[v1alpha1.AttachedAnnotation]
}

// answersNow makes the Deployment one whose pod is ready.
func answersNow(c *cluster) {
	c.Helper()
	d := get[appsv1.Deployment](c, "hanako")
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	c.must(c.Status().Update(c.Context(), d))
}

// The first use of a claim is recorded once, and before the status sends the student to
// the pod: a claim that holds work must not count as empty.
func TestFirstUseIsRecorded(t *testing.T) {
	c := newCluster(t)
	_, err := c.reconcile()
	c.must(err)
	if at := attachedAt(c); at != v1alpha1.NeverAttached {
		t.Fatalf("a claim was just made, and it is attached at %q", at)
	}
	answersNow(c)
	c.failing, c.answer = "patch PersistentVolumeClaim", apierrors.NewConflict(corev1.Resource("persistentvolumeclaims"), "hanako--home", errors.New("modified"))
	if result, err := c.reconcile(); err != nil || result.RequeueAfter == 0 {
		t.Errorf("a conflict is answered with %v, %v", result, err)
	}
	if state := get[v1alpha1.Userland](c, "hanako").Status.State; state == v1alpha1.StateRunning {
		t.Errorf("the status says %s, and the first use is not recorded", state)
	}
	c.failing = ""
	_, err = c.reconcile()
	c.must(err)
	if at := attachedAt(c); at != "20261005T120000Z" {
		t.Errorf("the first use is recorded at %q", at)
	}
	for range 2 {
		// The first look may wait for its own write to be seen.
		_, err = c.reconcile()
		c.must(err)
	}
	if state := get[v1alpha1.Userland](c, "hanako").Status.State; state != v1alpha1.StateRunning {
		t.Errorf("the first use is recorded, and the status says %s", state)
	}
	c.failing, c.failed = "patch PersistentVolumeClaim", false
	if _, err = c.reconcile(); err != nil || c.failed {
		t.Errorf("it is recorded again: %v", err)
	}
}

// A pod is not ended before it is recorded that it may have written.
func TestFirstUseIsRecordedBeforeAStop(t *testing.T) {
	c := newCluster(t)
	_, err := c.reconcile()
	c.must(err)
	answersNow(c)
	change(c, "hanako", func(u *v1alpha1.Userland) { u.Spec.Enabled = ptr.To(false) })
	c.failing, c.answer = "apply Deployment", apierrors.NewInternalError(errors.New("no leader"))
	for range 2 {
		// The first look may wait for its own write to be seen.
		_, _ = c.reconcile()
	}
	if at := attachedAt(c); at == v1alpha1.NeverAttached {
		t.Error("the pod is ended, and its use was not recorded")
	}
}
