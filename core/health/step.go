package health

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// stepGrace is how long a step of a start may last before it is told: one that goes
// well costs no status write for each of its steps.
const stepGrace = 3 * time.Second

// told is a carrel that is starting, with the step it is at once that has lasted.
func told(starting Finding, c Carrel) Finding {
	pod := newest(c.Pods)
	// Of a Deployment that has not caught up, the pod may be an older revision's.
	if pod == nil || starting.State != v1alpha1.StateStarting || notObserved(c) != nil || c.Deployment.Status.UpdatedReplicas == 0 {
		return starting
	}
	reason, message, since := step(pod)
	if rest := stepGrace - c.Now.Sub(since); rest > 0 {
		if starting.Recheck == 0 || rest < starting.Recheck {
			starting.Recheck = rest
		}
		return starting
	}
	starting.Reason, starting.Message = reason, message
	return starting
}

// step is how far a pod has come, and since when.
func step(pod *corev1.Pod) (reason, message string, since time.Time) {
	if pod.Spec.NodeName == "" {
		return v1alpha1.SchedulingReason, "the carrel waits for a node", pod.CreationTimestamp.Time
	}
	since = scheduledAt(pod)
	statuses := containerStatuses(pod)
	begun, newest := 0, since
	for _, status := range statuses {
		switch {
		case status.State.Running != nil:
			begun++
			newest = later(newest, status.State.Running.StartedAt.Time)
		case status.State.Terminated != nil:
			begun++
		}
	}
	if all := max(len(statuses), len(pod.Spec.Containers)); begun < all {
		return v1alpha1.PreparingReason, fmt.Sprintf("images are pulled or volumes attached: %d of %d containers have started", begun, all), since
	}
	return v1alpha1.StartedReason, "the containers have started and do not answer yet", newest
}

// scheduledAt returns when the pod was given its node, or was made if that is not
// known.
func scheduledAt(pod *corev1.Pod) time.Time {
	if scheduled := podCondition(pod, corev1.PodScheduled); scheduled != nil {
		return scheduled.LastTransitionTime.Time
	}
	return pod.CreationTimestamp.Time
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
