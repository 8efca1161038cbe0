package health

import (
	corev1 "k8s.io/api/core/v1"
)

// alive are the pods that take up room: running, about to, or ending.
func alive(pods []corev1.Pod) []corev1.Pod {
	var found []corev1.Pod
	for _, pod := range pods {
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			found = append(found, pod)
		}
	}
	return found
}

// Newest is the pod a carrel goes by: the youngest that is not on its way out;
// nil if there is none.
func Newest(pods []corev1.Pod) *corev1.Pod { return newest(pods) }

// newest is the youngest pod that is not on its way out; nil if there is none.
func newest(pods []corev1.Pod) *corev1.Pod {
	var found *corev1.Pod
	for _, pod := range alive(pods) {
		if pod.DeletionTimestamp != nil {
			continue
		}
		if found == nil || found.CreationTimestamp.Before(&pod.CreationTimestamp) {
			found = &pod
		}
	}
	return found
}

// Works reports whether one of the pods answers, so that its user can work with it.
func Works(pods []corev1.Pod) bool {
	pod := newest(pods)
	return pod != nil && podReady(pod)
}

func podReady(pod *corev1.Pod) bool {
	condition := podCondition(pod, corev1.PodReady)
	return condition != nil && condition.Status == corev1.ConditionTrue
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}
