package lab

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/core/workload"
)

// Run plays the parts of a cluster that make the carrel of a Userland run, once its
// Deployment exists. It writes what the controller reads: the claims are bound, and the
// Deployment has a pod with the status of a kubelet. There is no ReplicaSet, since the
// controller does not watch them.
func Run(ctx context.Context, c client.Client, number int) error {
	u, deployment := Userland(number), &appsv1.Deployment{}
	for {
		err := c.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: workload.DeploymentName(u)}, deployment)
		if err == nil {
			break
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("read the Deployment of Userland %d: %w", number, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := runOne(ctx, c, deployment); err != nil {
		return fmt.Errorf("run the carrel of Userland %d: %w", number, err)
	}
	return nil
}

func runOne(ctx context.Context, c client.Client, deployment *appsv1.Deployment) error {
	for _, volume := range deployment.Spec.Template.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		if err := bind(ctx, c, client.ObjectKey{Namespace: deployment.Namespace, Name: volume.PersistentVolumeClaim.ClaimName}); err != nil {
			return err
		}
	}
	metav1.SetMetaDataAnnotation(&deployment.ObjectMeta, "deployment.kubernetes.io/revision", "1")
	if err := c.Update(ctx, deployment); err != nil {
		return err
	}
	pod := podOf(deployment)
	if err := c.Create(ctx, pod); err != nil {
		return err
	}
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	pod.Status = running(pod, now)
	if err := c.Status().Update(ctx, pod); err != nil {
		return err
	}
	deployment.Status = available(deployment, pod, now)
	return c.Status().Update(ctx, deployment)
}

// bind binds a claim to a volume. There is no volume.
func bind(ctx context.Context, c client.Client, key client.ObjectKey) error {
	claim := &corev1.PersistentVolumeClaim{}
	if err := c.Get(ctx, key, claim); err != nil {
		return err
	}
	claim.Spec.VolumeName = "pvc-" + string(claim.UID)
	metav1.SetMetaDataAnnotation(&claim.ObjectMeta, "pv.kubernetes.io/bind-completed", "yes")
	metav1.SetMetaDataAnnotation(&claim.ObjectMeta, "pv.kubernetes.io/bound-by-controller", "yes")
	if err := c.Update(ctx, claim); err != nil {
		return err
	}
	claim.Status = corev1.PersistentVolumeClaimStatus{
		Phase: corev1.ClaimBound, AccessModes: claim.Spec.AccessModes, Capacity: claim.Spec.Resources.Requests,
	}
	return c.Status().Update(ctx, claim)
}

// node is the name of the node on which the pods are said to run.
const node = "bench-node"

// podOf returns the pod that the ReplicaSet of a Deployment would create.
func podOf(deployment *appsv1.Deployment) *corev1.Pod {
	template := deployment.Spec.Template.DeepCopy()
	const hash = "7c9d8f6b5d"
	replicaSet := deployment.Name + "-" + hash
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Spec.NodeName = node
	pod.Namespace, pod.GenerateName = deployment.Namespace, replicaSet+"-"
	metav1.SetMetaDataLabel(&pod.ObjectMeta, appsv1.DefaultDeploymentUniqueLabelKey, hash)
	pod.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "apps/v1", Kind: "ReplicaSet", Name: replicaSet, UID: uuid.NewUUID(), Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
	}}
	return pod
}

// available returns the status of a Deployment whose pod is ready.
func available(deployment *appsv1.Deployment, pod *corev1.Pod, since metav1.Time) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
		Conditions: []appsv1.DeploymentCondition{
			{
				Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable",
				Message: "Deployment has minimum availability.", LastUpdateTime: since, LastTransitionTime: since,
			},
			{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable",
				Message:        fmt.Sprintf("ReplicaSet %q has successfully progressed.", pod.OwnerReferences[0].Name),
				LastUpdateTime: since, LastTransitionTime: since,
			},
		},
	}
}

// running returns the status of a pod that has run and answered since a moment. It has
// the fields that a kubelet writes with containerd, so that it takes as much memory.
func running(pod *corev1.Pod, since metav1.Time) corev1.PodStatus {
	sum := sha256.Sum256([]byte(pod.UID))
	ip := fmt.Sprintf("10.%d.%d.%d", sum[0], sum[1], sum[2])
	status := corev1.PodStatus{
		ObservedGeneration: pod.Generation,
		Phase:              corev1.PodRunning,
		QOSClass:           pod.Status.QOSClass,
		StartTime:          &since,
		HostIP:             "127.0.0.1",
		HostIPs:            []corev1.HostIP{{IP: "127.0.0.1"}},
		PodIP:              ip,
		PodIPs:             []corev1.PodIP{{IP: ip}},
	}
	for _, condition := range []corev1.PodConditionType{
		corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{
			Type: condition, Status: corev1.ConditionTrue, ObservedGeneration: pod.Generation, LastTransitionTime: since,
		})
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, runningContainer(pod, c, since))
	}
	return status
}

func runningContainer(pod *corev1.Pod, c corev1.Container, since metav1.Time) corev1.ContainerStatus {
	status := corev1.ContainerStatus{
		Name:               c.Name,
		Image:              c.Image,
		ImageID:            fmt.Sprintf("%s@sha256:%x", c.Image, sha256.Sum256([]byte(c.Image))),
		ContainerID:        fmt.Sprintf("containerd://%x", sha256.Sum256([]byte(string(pod.UID)+c.Name))),
		Ready:              true,
		Started:            ptr.To(true),
		State:              corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: since}},
		AllocatedResources: c.Resources.Requests,
		Resources:          &c.Resources,
		User:               &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: 1000, GID: 1000, SupplementalGroups: []int64{1000}}},
	}
	for _, mount := range c.VolumeMounts {
		status.VolumeMounts = append(status.VolumeMounts, corev1.VolumeMountStatus{Name: mount.Name, MountPath: mount.MountPath})
	}
	status.VolumeMounts = append(status.VolumeMounts, corev1.VolumeMountStatus{
		Name: "kube-api-access-x7k2p", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
		ReadOnly: true, RecursiveReadOnly: ptr.To(corev1.RecursiveReadOnlyDisabled),
	})
	return status
}
