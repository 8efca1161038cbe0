package health

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// endsTwice is the number of pods ended in one start that count as trouble. After
	// one, the next pod often runs.
	endsTwice = 2
	// justEnded is how long before the carrel was found without it a pod may have ended
	// to be the reason.
	justEnded = time.Minute
)

// ended returns the last of the pods that the cluster ended in this start, and how
// many there are: a node that runs out of space or memory ends pods.
func ended(c Carrel) (last *corev1.Pod, count int) {
	for i := range c.Pods {
		pod := &c.Pods[i]
		if pod.Status.Phase != corev1.PodFailed || pod.Status.Reason == "" || endedAt(pod).Before(c.Since.Add(-justEnded)) {
			continue
		}
		count++
		if last == nil || last.CreationTimestamp.Before(&pod.CreationTimestamp) {
			last = pod
		}
	}
	return last, count
}

// endedAt returns when a pod ended, or was made if no more is known.
func endedAt(pod *corev1.Pod) time.Time {
	if ready := podCondition(pod, corev1.PodReady); ready != nil {
		return later(pod.CreationTimestamp.Time, ready.LastTransitionTime.Time)
	}
	return pod.CreationTimestamp.Time
}

// keepsEnding names why the cluster ends one pod after the other.
func keepsEnding(c Carrel) *Finding {
	pod, count := ended(c)
	if count < endsTwice {
		return nil
	}
	return failing(v1alpha1.PodEndedReason, fmt.Sprintf(
		"the cluster ends the carrel's pods, the last one for %s: correct the resources in the Template, or make room on the node", endedFor(pod)))
}

// withEnded adds why the pod before this one was ended.
func withEnded(starting Finding, c Carrel) Finding {
	if pod, _ := ended(c); pod != nil {
		starting.Message += "; the cluster ended the pod before for " + endedFor(pod)
	}
	return starting
}

func endedFor(pod *corev1.Pod) string {
	return fmt.Sprintf("%s (%s)", pod.Status.Reason, shorten(cmp.Or(pod.Status.Message, "without a message")))
}
