package health

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// provenAfter is how long a container that ended before must run to be believed.
// Without it the state would flap with every attempt of a container that has no
// probe, since such a one is ready as soon as it runs.
const provenAfter = time.Minute

// configGrace is the time for which a missing ConfigMap or Secret is no trouble: Flux
// applies a ConfigMap right after the Template, and the kubelet looks again within
// seconds.
const configGrace = 30 * time.Second

// The reasons the kubelet gives for a container that waits, by what they mean
// for people. The kubelet names some of them in k8s.io/kubernetes only.
var (
	imageReasons = map[string]bool{
		"ErrImagePull": true, "ImagePullBackOff": true, "InvalidImageName": true, "ErrImageNeverPull": true,
		"ImageInspectError": true, "RegistryUnavailable": true, "SignatureValidationFailed": true,
	}
	// usualReasons are no trouble, or are judged by how the container ended. All others
	// are passed on, whatever a kubelet calls them.
	usualReasons = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true, "CrashLoopBackOff": true}
	// startReasons are those of a container that ended without having run.
	startReasons = map[string]bool{"StartError": true, "ContainerCannotRun": true}
)

// containerTrouble names what keeps a container from running.
func containerTrouble(c Carrel) *Finding {
	pod := newest(c.Pods)
	if finding := waitingContainer(pod, c.Now); finding != nil {
		return finding
	}
	return crashLoop(pod, c.Now)
}

func waitingContainer(pod *corev1.Pod, now time.Time) *Finding {
	for _, status := range containerStatuses(pod) {
		waiting, last := status.State.Waiting, status.LastTerminationState.Terminated
		switch {
		case waiting == nil:
		case imageReasons[waiting.Reason]:
			// The kubelet's own words alternate between its attempts; these don't.
			return failing(v1alpha1.ImagePullBackOffReason, fmt.Sprintf(
				"image %q of container %q can't be pulled: correct its name or tag in the Template, or let the cluster log in to its registry",
				status.Image, status.Name))
		case last != nil && startReasons[last.Reason]:
			return failing(v1alpha1.ContainerConfigReason, fmt.Sprintf("container %q can't be started: %s", status.Name, shorten(last.Message)))
		case !usualReasons[waiting.Reason]:
			return after(configGrace, scheduledAt(pod), now, failing(v1alpha1.ContainerConfigReason, fmt.Sprintf(
				"container %q can't be made: %s", status.Name, shorten(cmp.Or(waiting.Message, waiting.Reason)))))
		}
	}
	return nil
}

// crashLoop tells of a container that ends again and again. One that ended once
// is given another try.
func crashLoop(pod *corev1.Pod, now time.Time) *Finding {
	for _, status := range containerStatuses(pod) {
		if last := lastEnd(status); last != nil && loops(status, last, now) {
			finding := failing(v1alpha1.CrashLoopBackOffReason, fmt.Sprintf("container %q keeps ending: %s", status.Name, endedBecause(pod, status.Name, last)))
			if running := status.State.Running; running != nil {
				finding.Recheck = provenAfter - now.Sub(running.StartedAt.Time)
			}
			return finding
		}
	}
	return nil
}

func loops(status corev1.ContainerStatus, last *corev1.ContainerStateTerminated, now time.Time) bool {
	switch {
	case status.State.Waiting != nil:
		return status.State.Waiting.Reason == "CrashLoopBackOff"
	case status.RestartCount < 2 || last.FinishedAt.Sub(last.StartedAt.Time) >= provenAfter:
		return false
	case status.State.Running != nil:
		return now.Sub(status.State.Running.StartedAt.Time) < provenAfter
	default:
		return status.State.Terminated != nil && status.State.Terminated.ExitCode != 0
	}
}

// lastEnd is how the container ended last; nil if it never did.
func lastEnd(status corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if status.State.Terminated != nil {
		return status.State.Terminated
	}
	return status.LastTerminationState.Terminated
}

// endedBecause has no count of restarts, for it would change with each.
func endedBecause(pod *corev1.Pod, container string, last *corev1.ContainerStateTerminated) string {
	switch {
	case last.Reason == "OOMKilled":
		return fmt.Sprintf("it used more memory than its limit%s (OOMKilled, exit code %d): raise resources.limits.memory in the Template",
			memoryLimit(pod, container), last.ExitCode)
	case last.ExitCode == 0:
		return "exit code 0: its program ends by itself, and should keep running"
	default:
		return fmt.Sprintf("exit code %d: look at its log", last.ExitCode)
	}
}

func memoryLimit(pod *corev1.Pod, container string) string {
	for _, c := range pod.Spec.Containers {
		if limit, limited := c.Resources.Limits[corev1.ResourceMemory]; limited && c.Name == container {
			return " of " + limit.String()
		}
	}
	return ""
}

// containerStatuses begins with the init containers, since the others wait for
// them.
func containerStatuses(pod *corev1.Pod) []corev1.ContainerStatus {
	if pod == nil {
		return nil
	}
	return append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
}
