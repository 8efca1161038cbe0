package kube

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/core/health"
)

// What the cache leaves out of a pod is not missed by the judgement.
func TestSlimPodsAreJudgedTheSame(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	full := func(node string, status corev1.PodStatus) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "hanako-1", Annotations: map[string]string{"a": "b"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}},
			Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "ide", Image: "ide:1", Args: []string{"--long"},
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}}}}},
			Status: status,
		}
	}
	crashed := corev1.ContainerStatus{Name: "ide", RestartCount: 3,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}}}
	for name, pod := range map[string]*corev1.Pod{
		"out of memory":    full("node", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{crashed}}),
		"in its beginning": full("node", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{crashed}}),
		"unschedulable": full("", corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "no room"}}}),
		"ended": full("node", corev1.PodStatus{Phase: corev1.PodFailed}),
	} {
		t.Run(name, func(t *testing.T) {
			slimmed, err := slimPod(pod.DeepCopy())
			if err != nil {
				t.Fatal(err)
			}
			judge := func(p *corev1.Pod) health.Finding {
				return health.Judge(health.Carrel{Presence: health.Running, Deployment: &appsv1.Deployment{}, Pods: []corev1.Pod{*p}, Now: now})
			}
			if diff := cmp.Diff(judge(pod), judge(slimmed.(*corev1.Pod))); diff != "" {
				t.Errorf("the judgement differs (-full +slim):\n%s", diff)
			}
			if size, was := slimmed.(*corev1.Pod).Size(), pod.Size(); size >= was {
				t.Errorf("%d bytes of %d are left", size, was)
			}
		})
	}
}

// Whether we created an object is still known of a slim one.
func TestSlimKeepsTheRecordOfCreation(t *testing.T) {
	created := metav1.ManagedFieldsEntry{Manager: FieldOwner, Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(`{}`)}
	others := []metav1.ManagedFieldsEntry{
		{Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate},
		{Manager: FieldOwner, Operation: metav1.ManagedFieldsOperationApply},
		{Manager: FieldOwner, Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status"},
	}
	for name, test := range map[string]struct {
		fields []metav1.ManagedFieldsEntry
		want   bool
	}{
		"created by us":            {append([]metav1.ManagedFieldsEntry{created}, others...), true},
		"applied by us by now":     {others, false},
		"of an API server of yore": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: test.fields}}
			if _, err := slim(d); err != nil {
				t.Fatal(err)
			}
			if got := CreatedByUs(d.ManagedFields); got != test.want {
				t.Errorf("created by us: %v, want %v", got, test.want)
			}
			for _, entry := range d.ManagedFields {
				if entry.FieldsV1 != nil {
					t.Errorf("the fields are kept: %v", entry)
				}
			}
		})
	}
}
