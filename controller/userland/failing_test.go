package userland_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// A pod that fails is heard of at the Userland, in an event and at the Course,
// and the Userland is not Stalled: it may yet come right by itself.
func TestFailingPodIsHeardOf(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"), w.Course())
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Paused.Store(true)
	pods := &corev1.PodList{}
	if err := w.List(t.Context(), pods, client.InNamespace(w.Namespace)); err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d pods (error %v)", len(pods.Items), err)
	}
	pod := &pods.Items[0]
	pod.Status.Conditions[1].Status = corev1.ConditionFalse
	pod.Status.ContainerStatuses[0] = corev1.ContainerStatus{Name: "ide", Image: "ide:1", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling"},
	}}
	if err := w.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	u := w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason)
	if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReconcilingCondition) {
		t.Errorf("not Reconciling: %+v", u.Status.Conditions)
	}
	w.Until(func() error {
		counts := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Userlands
		if counts.Attention[v1alpha1.ImagePullBackOffReason] != 1 || counts.Ready != 0 {
			return fmt.Errorf("the Course counts %+v, want one that needs attention", counts)
		}
		return nil
	})
	w.Until(func() error {
		events := &eventsv1.EventList{}
		if err := w.List(t.Context(), events, client.InNamespace(w.Namespace)); err != nil {
			return err
		}
		if !slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool {
			return e.Reason == v1alpha1.ImagePullBackOffReason && e.Regarding.Name == "hanako"
		}) {
			return errors.New("there is no event of it")
		}
		return nil
	})
	w.Settled()
}

// What the API server has room for later is tried again, and said until then.
func TestQuotaIsSaid(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(&corev1.ResourceQuota{
		ObjectMeta: classroom.ObjectNamed("course"),
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/deployments.apps": classroom.Quantity("0")}},
	}, classroom.IDE())
	w.Until(func() error {
		quota := classroom.Get[corev1.ResourceQuota](w, "course")
		quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, quota.Spec.Hard
		return w.Status().Update(t.Context(), quota)
	})
	w.Make(classroom.Student("hanako"))
	u := w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.ApplyRefusedReason)
	if meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
		t.Error("Stalled, and the quota may be raised any time")
	}
}
