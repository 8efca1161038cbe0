package classroom

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// PlayCluster plays the Deployment controller, scheduler, provisioner and
// kubelet for the namespace until the test ends: what is wanted runs, in the
// steps in which real ones write it down.
func (w *Classroom) PlayCluster() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if !w.Paused.Load() {
				w.playOnce(ctx)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	w.Cleanup(func() { cancel(); <-ended })
}

func (w *Classroom) playOnce(ctx context.Context) {
	deployments := &appsv1.DeploymentList{}
	// What fails here is tried again in the next round.
	_ = w.List(ctx, deployments, client.InNamespace(w.Namespace))
	for i := range deployments.Items {
		if d := &deployments.Items[i]; d.Status.ObservedGeneration != d.Generation {
			w.bindClaims(ctx, d)
			w.roll(ctx, d)
		}
	}
}

// roll replaces the pods of a Deployment by what it wants now.
func (w *Classroom) roll(ctx context.Context, d *appsv1.Deployment) {
	_ = w.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(d.Namespace), client.MatchingLabels(d.Spec.Selector.MatchLabels), client.GracePeriodSeconds(0))
	wanted := ptr.Deref(d.Spec.Replicas, 1)
	if wanted == 0 {
		w.report(ctx, d, appsv1.DeploymentStatus{ObservedGeneration: d.Generation})
		return
	}
	w.report(ctx, d, appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, UnavailableReplicas: 1})
	pod := podOf(d)
	_ = w.Create(ctx, pod)
	if Image(d) == UnknownImage {
		pod.Status = notPulled(pod)
		_ = w.Status().Update(ctx, pod)
		return
	}
	for _, status := range podSteps(pod) {
		pod.Status = status
		_ = w.Status().Update(ctx, pod)
	}
	w.report(ctx, d, appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1})
}

func (w *Classroom) report(ctx context.Context, d *appsv1.Deployment, status appsv1.DeploymentStatus) {
	d.Status = status
	_ = w.Status().Update(ctx, d)
}

func podOf(d *appsv1.Deployment) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, GenerateName: d.Name + "-", Labels: d.Spec.Template.Labels},
		Spec:       d.Spec.Template.Spec,
	}
}

// UnknownImage is one that can't be pulled.
const UnknownImage = "nowhere:1"

// notPulled is the status of a pod whose image can't be had.
func notPulled(pod *corev1.Pod) corev1.PodStatus {
	container := pod.Spec.Containers[0]
	return corev1.PodStatus{
		Phase:      corev1.PodPending,
		Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: container.Name, Image: container.Image,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}},
	}
}

// podSteps are the statuses of a pod on its way to Ready.
func podSteps(pod *corev1.Pod) []corev1.PodStatus {
	container := pod.Spec.Containers[0]
	scheduled := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}
	unready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Now()}
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}
	creating := corev1.ContainerStatus{Name: container.Name, Image: container.Image,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}
	runs := corev1.ContainerStatus{Name: container.Name, Image: container.Image, Started: ptr.To(true),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}
	answers := runs
	answers.Ready = true
	return []corev1.PodStatus{
		{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{scheduled}},
		{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{scheduled, unready}, ContainerStatuses: []corev1.ContainerStatus{creating}},
		{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{scheduled, unready}, ContainerStatuses: []corev1.ContainerStatus{runs}},
		{Phase: corev1.PodRunning, PodIP: "127.0.0.1", Conditions: []corev1.PodCondition{scheduled, ready}, ContainerStatuses: []corev1.ContainerStatus{answers}},
	}
}

// bindClaims binds the claims the pods of a Deployment mount.
func (w *Classroom) bindClaims(ctx context.Context, d *appsv1.Deployment) {
	for _, volume := range d.Spec.Template.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		claim := &corev1.PersistentVolumeClaim{}
		if w.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: volume.PersistentVolumeClaim.ClaimName}, claim) == nil {
			claim.Status.Phase = corev1.ClaimBound
			_ = w.Status().Update(ctx, claim)
		}
	}
}

// Replicas returns how many pods the Deployment of a carrel asks for.
func Replicas(w *Classroom, name string) int32 {
	return ptr.Deref(Get[appsv1.Deployment](w, name).Spec.Replicas, 1)
}

// Image returns the image of the first container of a Deployment.
func Image(d *appsv1.Deployment) string { return d.Spec.Template.Spec.Containers[0].Image }
