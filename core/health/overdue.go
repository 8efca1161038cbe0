package health

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// madeWithin is how long the controllers of Kubernetes may take to act on a
	// Deployment, and the scheduler to look at a pod. They usually take milliseconds.
	madeWithin = 5 * time.Minute
	// attachedWithin is how long a node may take until volumes are attached and
	// mounted. Disks of a cloud take up to two minutes.
	attachedWithin = 5 * time.Minute
	// startedWithin is how long images may be pulled, and how long a program may take
	// until it answers. A large image takes minutes on a slow line.
	startedWithin = 15 * time.Minute
	// endedWithin is how long a pod may exist after the moment by which the API server
	// wants it gone, which includes its grace period.
	endedWithin = time.Minute
)

// A wait is what a carrel waits for while it starts.
type wait struct {
	// since and limit say for how long that is no trouble.
	since time.Time
	limit time.Duration
	// reason and message say what the trouble is afterwards, and the cure.
	reason, message string
}

// overdue returns what is wrong with a carrel that has been starting for too long. A
// carrel that still has time is looked at again when that is over.
func overdue(starting Finding, c Carrel) Finding {
	if c.Deployment == nil {
		return starting
	}
	return awaited(c).orTrouble(starting, c.Now)
}

// orTrouble returns a finding that holds while the wait is no trouble, or the trouble.
func (w wait) orTrouble(meanwhile Finding, now time.Time) Finding {
	rest := w.limit - now.Sub(w.since)
	if rest <= 0 {
		return *failing(w.reason, w.message)
	}
	if meanwhile.Recheck == 0 || rest < meanwhile.Recheck {
		meanwhile.Recheck = rest
	}
	return meanwhile
}

// awaited returns what the carrel waits for.
func awaited(c Carrel) wait {
	pod := newest(c.Pods)
	switch {
	case notObserved(c) != nil:
		return wait{c.Since, madeWithin, v1alpha1.PodNotMadeReason,
			"the cluster does not act on the carrel's Deployment: see that kube-controller-manager runs"}
	case pod == nil && ending(c.Pods) != nil:
		return notEnding(ending(c.Pods))
	case pod == nil:
		return noPodMade(c)
	case pod.Spec.NodeName == "":
		return notScheduled(pod)
	case podReady(pod):
		return wait{podCondition(pod, corev1.PodReady).LastTransitionTime.Time, madeWithin, v1alpha1.PodNotMadeReason,
			"the carrel's pod answers, and its Deployment does not say so: see that kube-controller-manager runs"}
	default:
		// A pod that answered before has not been starting since it was made.
		w := notStarted(c, pod)
		w.since = later(w.since, c.Since)
		if ready := podCondition(pod, corev1.PodReady); ready != nil {
			w.since = later(w.since, ready.LastTransitionTime.Time)
		}
		return w
	}
}

// ending returns the pod on its way out that has had the longest time for it; nil if
// none is.
func ending(pods []corev1.Pod) (found *corev1.Pod) {
	for _, pod := range alive(pods) {
		if pod.DeletionTimestamp != nil && (found == nil || pod.DeletionTimestamp.Before(found.DeletionTimestamp)) {
			found = &pod
		}
	}
	return found
}

// notEnding is the wait for a pod to end. No two pods may write to one volume, so
// another one is made only afterwards.
func notEnding(pod *corev1.Pod) wait {
	return wait{pod.DeletionTimestamp.Time, endedWithin, v1alpha1.PodNotEndingReason, fmt.Sprintf(
		"pod %q does not end, and no other may have the volumes until it has: if node %q is down, start it; if it is gone for good, delete its Node object",
		pod.Name, pod.Spec.NodeName)}
}

// noPodMade is the wait for the controllers of Kubernetes to make a pod.
func noPodMade(c Carrel) wait {
	w := wait{c.Since, madeWithin, v1alpha1.PodNotMadeReason, "the cluster makes no pod for the carrel: see that kube-controller-manager runs"}
	for _, condition := range c.Deployment.Status.Conditions {
		if condition.Type != appsv1.DeploymentProgressing {
			continue
		}
		w.since = later(w.since, condition.LastUpdateTime.Time)
		if condition.Status == corev1.ConditionFalse {
			if !condition.LastUpdateTime.Time.Before(c.Since) {
				// It is about this start, and waited long enough before it said so.
				w.limit = 0
			}
			w.message = fmt.Sprintf("the cluster makes no pod for the carrel: %s (%s)", shorten(condition.Message), condition.Reason)
		}
	}
	return w
}

// notScheduled is the wait for a node, before the scheduler has refused the pod.
func notScheduled(pod *corev1.Pod) wait {
	message := "no scheduler has looked at the carrel's pod: see that kube-scheduler runs"
	if scheduled := podCondition(pod, corev1.PodScheduled); scheduled != nil && scheduled.Message != "" {
		message = fmt.Sprintf("the carrel's pod is given no node: %s (%s)", shorten(scheduled.Message), scheduled.Reason)
	}
	return wait{pod.CreationTimestamp.Time, madeWithin, v1alpha1.UnschedulableReason, message}
}

// notStarted is the wait for the containers of a pod that has a node.
func notStarted(c Carrel, pod *corev1.Pod) wait {
	reason, _, since := step(pod)
	sandbox := podCondition(pod, corev1.PodReadyToStartContainers)
	switch {
	case reason == v1alpha1.StartedReason:
		return wait{since, startedWithin, v1alpha1.NotAnsweringReason, fmt.Sprintf(
			"the containers run and have not answered for %d minutes: look at their logs, and at the probes in the Template", int(startedWithin.Minutes()))}
	case sandbox != nil && sandbox.Status == corev1.ConditionFalse:
		return wait{since, attachedWithin, v1alpha1.VolumeNotAttachedReason, fmt.Sprintf(
			"node %q can't mount the volumes%s or a ConfigMap or Secret that the pod needs, or gives the pod no network: \"kubectl describe pod %s\" says which",
			pod.Spec.NodeName, named(c.Claims), pod.Name)}
	default:
		return wait{since, startedWithin, v1alpha1.StartingTooLongReason, fmt.Sprintf(
			"node %q has not started the containers within %d minutes: an image is pulled or a volume%s attached for too long; \"kubectl describe pod %s\" says which",
			pod.Spec.NodeName, int(startedWithin.Minutes()), named(c.Claims), pod.Name)}
	}
}

// named returns the names of claims in parentheses; empty if there are none.
func named(claims []corev1.PersistentVolumeClaim) string {
	names := make([]string, 0, len(claims))
	for i := range claims {
		names = append(names, claims[i].Name)
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// nodeLost names the node of a pod whose containers were well when it was last heard
// of: the cluster takes the pod's readiness away when the node stops to report.
func nodeLost(c Carrel) *Finding {
	pod := newest(c.Pods)
	ready := podCondition(pod, corev1.PodReady)
	if ready == nil || ready.Status == corev1.ConditionTrue || ready.Reason != "" || len(pod.Status.ContainerStatuses) == 0 {
		return nil
	}
	for _, status := range pod.Status.ContainerStatuses {
		if !status.Ready {
			return nil
		}
	}
	return after(answerGrace, ready.LastTransitionTime.Time, c.Now, failing(v1alpha1.NodeLostReason, fmt.Sprintf(
		"node %q, on which the carrel runs, does not report: start it again; if it is gone for good, delete its Node object, and the carrel starts on another", pod.Spec.NodeName)))
}
