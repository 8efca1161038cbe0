package health

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// schedulingGrace covers what passes by itself: the pod before it on the
	// node still ending, a volume just being made.
	schedulingGrace = 15 * time.Second
	// volumeGrace is what a provisioner may take. Those that make one volume after the
	// other need more than a minute for a class.
	volumeGrace = 3 * time.Minute
	// classGrace is how long a storage class may be on its way, in the same commit.
	classGrace = 30 * time.Second
	// answerGrace is how long a running container may fail its readiness probe.
	// A startup probe may take longer: the container is not running for it.
	answerGrace = time.Minute
)

// claimLost needs no waiting: the disk behind the claim is gone.
func claimLost(c Carrel) *Finding {
	for _, claim := range c.Claims {
		if claim.Status.Phase == corev1.ClaimLost {
			return failing(v1alpha1.VolumePendingReason, fmt.Sprintf("the disk behind volume claim %q is gone: restore it from a backup", claim.Name))
		}
	}
	return nil
}

// unscheduled says why the pod is on no node.
func unscheduled(c Carrel) *Finding {
	pod := newest(c.Pods)
	if pod.Spec.NodeName != "" {
		return nil
	}
	scheduled := podCondition(pod, corev1.PodScheduled)
	refused := scheduled != nil && scheduled.Status == corev1.ConditionFalse && scheduled.Reason == corev1.PodReasonUnschedulable
	if claim := unbound(c.Claims); claim != nil && (!refused || blamesVolume(scheduled.Message)) {
		grace, cause := volumeGrace, fmt.Sprintf("see that %s exists and has room", storageClass(claim))
		if c.MissingClasses[ptr.Deref(claim.Spec.StorageClassName, "")] {
			grace, cause = classGrace, storageClass(claim)+" does not exist: create it"
		}
		return after(grace, pod.CreationTimestamp.Time, c.Now, failing(v1alpha1.VolumePendingReason, fmt.Sprintf(
			"volume claim %q is not bound: %s, or correct the volume in the Template; a claim that never had a volume is made again", claim.Name, cause)))
	}
	if !refused {
		return nil
	}
	return after(schedulingGrace, scheduled.LastTransitionTime.Time, c.Now, failing(v1alpha1.UnschedulableReason,
		"no node can take the pod: "+shorten(firstSentence(scheduled.Message))))
}

func unbound(claims []corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	for i := range claims {
		if claims[i].Status.Phase != corev1.ClaimBound {
			return &claims[i]
		}
	}
	return nil
}

// storageClass names the storage class of a claim.
func storageClass(claim *corev1.PersistentVolumeClaim) string {
	if class := ptr.Deref(claim.Spec.StorageClassName, ""); class != "" {
		return fmt.Sprintf("storage class %q", class)
	}
	return "a default storage class"
}

func blamesVolume(message string) bool {
	return strings.Contains(strings.ToLower(message), "persistentvolumeclaim")
}

// notAnswering tells of containers that all run while the pod is not ready.
func notAnswering(c Carrel) *Finding {
	pod := newest(c.Pods)
	ready := podCondition(pod, corev1.PodReady)
	if ready == nil || ready.Status == corev1.ConditionTrue {
		return nil
	}
	since := ready.LastTransitionTime.Time
	var silent string
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Running == nil || status.Started != nil && !*status.Started {
			return nil
		}
		if started := status.State.Running.StartedAt.Time; started.After(since) {
			since = started
		}
		if !status.Ready && silent == "" {
			silent = status.Name
		}
	}
	if silent == "" {
		return nil
	}
	return after(answerGrace, since, c.Now, failing(v1alpha1.NotAnsweringReason, fmt.Sprintf(
		"container %q runs and does not answer its readiness probe: look at its log, and at the probe's port and path", silent)))
}
