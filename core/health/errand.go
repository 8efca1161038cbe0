package health

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// JudgePods returns what there is to say about pods that no Deployment makes, as Judge
// does for a carrel that is to run since a time.
func JudgePods(pods []corev1.Pod, claims []corev1.PersistentVolumeClaim, missingClasses map[string]bool, since, now time.Time) Finding {
	deployment := &appsv1.Deployment{}
	if newest(pods) != nil {
		deployment.Status.Replicas, deployment.Status.UpdatedReplicas = 1, 1
	}
	if Works(pods) {
		deployment.Status.ReadyReplicas, deployment.Status.AvailableReplicas = 1, 1
	}
	return Judge(Carrel{
		Presence: Running, Deployment: deployment, Pods: pods, Claims: claims, MissingClasses: missingClasses, Since: since, Now: now,
	})
}
