package kube

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

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

// Whatever a pod's containers say, health judges the slim pod as the full one. Its
// statuses are as a kubelet writes them, and every field of them varies.
func TestSlimPodsOfKubeletsAreJudgedTheSame(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	findings := map[string]bool{}
	for range 3000 {
		pod := kubeletPod(random, now)
		slimmed, err := slimPod(pod.DeepCopy())
		if err != nil {
			t.Fatal(err)
		}
		judge := func(p *corev1.Pod) health.Finding {
			return health.Judge(health.Carrel{
				Presence: health.Running, Deployment: &appsv1.Deployment{Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1}}, Pods: []corev1.Pod{*p}, Now: now,
			})
		}
		full := judge(pod)
		if diff := cmp.Diff(full, judge(slimmed.(*corev1.Pod))); diff != "" {
			t.Fatalf("the judgement differs (-full +slim):\n%s\nof %v", diff, pod.Status)
		}
		findings[full.Reason] = true
		if size, was := slimmed.(*corev1.Pod).Size(), pod.Size(); size > was/2 {
			t.Errorf("%d bytes of %d are left, want less than half", size, was)
		}
	}
	if len(findings) < 7 {
		t.Errorf("only %d different reasons were given: %v", len(findings), findings)
	}
}

// kubeletPod returns a pod of two containers with everything that a kubelet reports.
func kubeletPod(random *rand.Rand, now time.Time) *corev1.Pod {
	ago := func() metav1.Time { return metav1.NewTime(now.Add(-time.Duration(random.IntN(3600)) * time.Second)) }
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	resources := corev1.ResourceRequirements{
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi"), corev1.ResourceCPU: resource.MustParse("1")},
		Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi"), corev1.ResourceCPU: resource.MustParse("100m")},
	}
	terminated := func() *corev1.ContainerStateTerminated {
		begun := ago()
		return &corev1.ContainerStateTerminated{
			ExitCode: int32(random.IntN(3)), Reason: pick("Error", "OOMKilled", "Completed", "ContainerCannotRun", "StartError"), Message: "no such program",
			StartedAt: begun, FinishedAt: metav1.NewTime(begun.Add(time.Duration(random.IntN(900)) * time.Second)), ContainerID: "containerd://" + strings.Repeat("ab", 32),
		}
	}
	state := func() corev1.ContainerState {
		switch random.IntN(4) {
		case 0:
			return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
				Reason: pick("CrashLoopBackOff", "ImagePullBackOff", "CreateContainerConfigError", "ContainerCreating", "PodInitializing"), Message: "a ConfigMap is missing"}}
		case 1:
			return corev1.ContainerState{Terminated: terminated()}
		default:
			return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago()}}
		}
	}
	status := func(name string) corev1.ContainerStatus {
		s := corev1.ContainerStatus{
			Name: name, Image: "registry.example/" + name + ":1", ImageID: "registry.example/" + name + "@sha256:" + strings.Repeat("cd", 32),
			ContainerID: "containerd://" + strings.Repeat("ef", 32), Ready: random.IntN(2) == 0, Started: ptr.To(random.IntN(3) > 0), RestartCount: int32(random.IntN(5)),
			State: state(), AllocatedResources: resources.Requests, Resources: &resources,
			VolumeMounts: []corev1.VolumeMountStatus{
				{Name: "home", MountPath: "/home/coder"}, {Name: "tmp", MountPath: "/tmp"},
				{Name: "kube-api-access", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true, RecursiveReadOnly: ptr.To(corev1.RecursiveReadOnlyDisabled)},
			},
			User: &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: 1000, GID: 1000, SupplementalGroups: []int64{1000, 2000}}},
		}
		if random.IntN(2) == 0 {
			s.LastTerminationState = corev1.ContainerState{Terminated: terminated()}
		}
		return s
	}
	container := func(name string) corev1.Container {
		return corev1.Container{
			Name: name, Image: "registry.example/" + name + ":1", Args: []string{"--bind-addr", "0.0.0.0:8080"}, Resources: resources,
			Env:          []corev1.EnvVar{{Name: "CARREL_USER", Value: "hanako"}, {Name: "CARREL_USERLAND", Value: "hanako"}, {Name: "CARREL_COURSE", Value: "prog1"}},
			VolumeMounts: []corev1.VolumeMount{{Name: "home", MountPath: "/home/coder"}, {Name: "tmp", MountPath: "/tmp"}},
		}
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "hanako-1", Namespace: "prog1", CreationTimestamp: ago(), Annotations: map[string]string{"example.com/a": "b"}},
		Spec:       corev1.PodSpec{NodeName: pick("", "node-1", "node-1", "node-1"), Containers: []corev1.Container{container("ide"), container("proxy")}},
		Status: corev1.PodStatus{
			Phase: corev1.PodPhase(pick("Pending", "Running", "Running")), PodIP: "10.0.0.1",
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionStatus(pick("True", "False")), Reason: corev1.PodReasonUnschedulable, Message: pick("no room", "unbound immediate PersistentVolumeClaims"), LastTransitionTime: ago()},
				{Type: corev1.PodReady, Status: corev1.ConditionStatus(pick("True", "False")), LastTransitionTime: ago()},
			},
			ContainerStatuses: []corev1.ContainerStatus{status("ide"), status("proxy")},
		},
	}
	if random.IntN(2) == 0 {
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{status("prepare")}
	}
	return pod
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
