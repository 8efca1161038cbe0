package health_test

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

var now = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)

// ago is a moment some seconds before now.
func ago(seconds int) metav1.Time {
	return metav1.NewTime(now.Add(-time.Duration(seconds) * time.Second))
}

// carrel is one on its way, a minute after its pod was made, but for the changes.
func carrel(changes ...func(*health.Carrel)) health.Carrel {
	c := health.Carrel{
		Presence: health.Running,
		Deployment: &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: 2},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, UnavailableReplicas: 1},
		},
		Pods: []corev1.Pod{{
			ObjectMeta: metav1.ObjectMeta{Name: "hanako-1", CreationTimestamp: ago(60)},
			Spec: corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{
				Name: "ide", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}},
			}}},
			Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: ago(60)},
			}},
		}},
		Claims: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "hanako--home"}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}},
		Since:  ago(60).Time,
		Now:    now,
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func answering(c *health.Carrel) {
	c.Deployment.Status.UnavailableReplicas = 0
	c.Deployment.Status.ReadyReplicas, c.Deployment.Status.AvailableReplicas = 1, 1
	c.Pods[0].Status.Phase = corev1.PodRunning
	c.Pods[0].Status.Conditions[0].Status = corev1.ConditionTrue
}

func container(status corev1.ContainerStatus) func(*health.Carrel) {
	status.Name, status.Image = "ide", "ide:1"
	return func(c *health.Carrel) { c.Pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{status} }
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func runningSince(seconds int) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(seconds)}}
}

// ended is a run that began and ended so many seconds ago.
func ended(reason string, code int32, began, ended int) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, StartedAt: ago(began), FinishedAt: ago(ended), Message: "exec: no such file"}}
}

func unschedulable(since int, message string) func(*health.Carrel) {
	return func(c *health.Carrel) {
		c.Pods[0].Spec.NodeName = ""
		c.Pods[0].CreationTimestamp = ago(since)
		c.Pods[0].Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message, LastTransitionTime: ago(since),
		}}
	}
}

func unbound(phase corev1.PersistentVolumeClaimPhase) func(*health.Carrel) {
	return func(c *health.Carrel) {
		c.Claims[0].Status.Phase, c.Claims[0].Spec.StorageClassName = phase, new("fast")
	}
}

func TestJudge(t *testing.T) {
	const noRoom = "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: 2 No preemption victims found."
	stopped := func(c *health.Carrel) { c.Presence = health.Disabled }
	noPods := func(c *health.Carrel) {
		c.Pods = nil
		c.Deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 2}
	}

	for _, test := range []struct {
		name          string
		carrel        health.Carrel
		state, reason string
		ready         bool
		// words the message contains
		words []string
		// not are words it must not contain
		not     string
		recheck time.Duration
	}{
		{name: "it answers", carrel: carrel(answering), state: "Running", reason: "Running", ready: true},
		{name: "the Deployment does not know its spec yet", carrel: carrel(answering, func(c *health.Carrel) { c.Deployment.Generation = 3 }), state: "Starting", reason: "Starting", recheck: 4 * time.Minute},
		{name: "a pod of an older revision answers", carrel: carrel(answering, func(c *health.Carrel) { c.Deployment.Status.UpdatedReplicas = 0 }), state: "Starting", reason: "Starting", recheck: 4 * time.Minute},
		{name: "the pod is less ready than its Deployment says", carrel: carrel(answering, func(c *health.Carrel) { c.Pods[0].Status.Conditions[0].Status = corev1.ConditionFalse }), state: "Starting", reason: "Preparing", recheck: 14 * time.Minute},
		{name: "no pod yet", carrel: carrel(noPods), state: "Starting", reason: "Starting", recheck: 4 * time.Minute},
		{name: "no Deployment", carrel: carrel(func(c *health.Carrel) { c.Deployment = nil }), state: "Starting", reason: "Starting"},
		{name: "only pods on their way out", carrel: carrel(func(c *health.Carrel) { c.Pods[0].DeletionTimestamp = new(ago(1)) }, container(corev1.ContainerStatus{State: waiting("ImagePullBackOff", "")})), state: "Starting", reason: "Starting", recheck: 59 * time.Second},
		{name: "the container is being made", carrel: carrel(container(corev1.ContainerStatus{State: waiting("ContainerCreating", "")})), state: "Starting", reason: "Preparing", words: []string{"0 of 1 containers"}, recheck: 14 * time.Minute},
		{name: "made a moment ago", carrel: carrel(unschedulable(1, "")), state: "Starting", reason: "Starting", recheck: 2 * time.Second},
		{name: "one of two runs", carrel: carrel(func(c *health.Carrel) {
			c.Pods[0].Spec.Containers = append(c.Pods[0].Spec.Containers, corev1.Container{Name: "db"})
			c.Pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "db", State: waiting("ContainerCreating", "")}, {Name: "ide", State: runningSince(5)}}
		}), state: "Starting", reason: "Preparing", words: []string{"1 of 2 containers"}, recheck: 14 * time.Minute},
		{name: "its program has just started", carrel: carrel(container(corev1.ContainerStatus{Started: new(true), State: runningSince(1)})), state: "Starting", reason: "Starting", recheck: 2 * time.Second},

		{name: "stopped", carrel: carrel(stopped, noPods), state: "Disabled", reason: "Disabled", ready: true},
		{name: "stopped without ever having run", carrel: carrel(stopped, noPods, func(c *health.Carrel) { c.Deployment = nil }), state: "Disabled", reason: "Disabled", ready: true},
		{name: "stopping", carrel: carrel(stopped, answering), state: "Disabled", reason: "Stopping"},

		{name: "an image that is nowhere", carrel: carrel(container(corev1.ContainerStatus{State: waiting("ErrImagePull", "rpc error: 17 lines")})),
			state: "Failing", reason: "ImagePullBackOff", words: []string{`"ide:1"`, `"ide"`, "correct its name"}, not: "rpc"},
		{name: "an image waited for", carrel: carrel(container(corev1.ContainerStatus{State: waiting("ImagePullBackOff", "Back-off")})), state: "Failing", reason: "ImagePullBackOff"},
		{name: "a Secret that is missing", carrel: carrel(container(corev1.ContainerStatus{State: waiting("CreateContainerConfigError", `secret "db" not found`)})),
			state: "Failing", reason: "ContainerConfigError", words: []string{`secret "db" not found`}},
		{name: "a command that is missing", carrel: carrel(container(corev1.ContainerStatus{RestartCount: 3, State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended("StartError", 128, 10, 10)})),
			state: "Failing", reason: "ContainerConfigError", words: []string{"no such file"}},

		{name: "it keeps ending", carrel: carrel(container(corev1.ContainerStatus{RestartCount: 2, State: waiting("CrashLoopBackOff", "back-off 20s"), LastTerminationState: ended("Error", 3, 10, 9)})),
			state: "Failing", reason: "CrashLoopBackOff", words: []string{"exit code 3", `"ide"`}, not: "20s"},
		{name: "it keeps running out of memory", carrel: carrel(container(corev1.ContainerStatus{RestartCount: 2, State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended("OOMKilled", 137, 10, 9)})),
			state: "Failing", reason: "CrashLoopBackOff", words: []string{"OOMKilled", "512Mi", "resources.limits.memory"}},
		{name: "it keeps ending without an error", carrel: carrel(container(corev1.ContainerStatus{RestartCount: 2, State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended("Completed", 0, 10, 9)})),
			state: "Failing", reason: "CrashLoopBackOff", words: []string{"exit code 0", "keep running"}},
		{name: "it ended once", carrel: carrel(container(corev1.ContainerStatus{State: ended("Error", 1, 3, 1)})), state: "Starting", reason: "Started", recheck: 14 * time.Minute},
		{name: "it runs for a moment between two ends", carrel: carrel(answering, container(corev1.ContainerStatus{RestartCount: 2, Ready: true, State: runningSince(20), LastTerminationState: ended("Error", 1, 60, 50)})),
			state: "Failing", reason: "CrashLoopBackOff", words: []string{"exit code 1"}, recheck: 40 * time.Second},
		{name: "it has proven itself", carrel: carrel(answering, container(corev1.ContainerStatus{RestartCount: 2, Ready: true, State: runningSince(61), LastTerminationState: ended("Error", 1, 100, 90)})),
			state: "Running", reason: "Running", ready: true},
		{name: "it ended after a long life and is back", carrel: carrel(answering, container(corev1.ContainerStatus{RestartCount: 5, Ready: true, State: runningSince(2), LastTerminationState: ended("OOMKilled", 137, 9000, 3)})),
			state: "Running", reason: "Running", ready: true},
		{name: "an init container keeps ending", carrel: carrel(func(c *health.Carrel) {
			c.Pods[0].Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", RestartCount: 2, State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended("Error", 7, 10, 9)}}
		}), state: "Failing", reason: "CrashLoopBackOff", words: []string{`"init"`, "exit code 7"}},

		{name: "no room for a moment", carrel: carrel(unschedulable(5, noRoom)), state: "Starting", reason: "Scheduling", recheck: 10 * time.Second},
		{name: "no room", carrel: carrel(unschedulable(30, noRoom)), state: "Failing", reason: "Unschedulable", words: []string{"0/2 nodes are available: 2 Insufficient memory"}, not: "preemption"},
		{name: "a volume that takes its time", carrel: carrel(unbound(corev1.ClaimPending), unschedulable(10, "pod has unbound immediate PersistentVolumeClaims")), state: "Starting", reason: "Scheduling", recheck: 170 * time.Second},
		{name: "a volume that does not come", carrel: carrel(unbound(corev1.ClaimPending), unschedulable(180, "pod has unbound immediate PersistentVolumeClaims")),
			state: "Failing", reason: "VolumePending", words: []string{"hanako--home", `storage class "fast"`}},
		{name: "a storage class that is nowhere", carrel: carrel(unbound(corev1.ClaimPending), unschedulable(30, "pod has unbound immediate PersistentVolumeClaims"), func(c *health.Carrel) {
			c.MissingClasses = map[string]bool{"fast": true}
		}), state: "Failing", reason: "VolumePending", words: []string{"hanako--home", `storage class "fast" does not exist`}},
		{name: "no room, so no volume either", carrel: carrel(unbound(corev1.ClaimPending), unschedulable(40, noRoom)), state: "Failing", reason: "Unschedulable"},
		{name: "a volume that is gone", carrel: carrel(unbound(corev1.ClaimLost)), state: "Failing", reason: "VolumePending", words: []string{"hanako--home", "backup"}},

		{name: "a pod that is refused", carrel: carrel(noPods, func(c *health.Carrel) {
			c.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue,
				Message: `pods "hanako-5d5f" is forbidden: exceeded quota: course, requested: pods=1, used: pods=30, limited: pods=30`}}
		}), state: "Failing", reason: "PodRefused", words: []string{"exceeded quota: course"}, not: "5d5f"},

		{name: "it does not answer yet", carrel: carrel(container(corev1.ContainerStatus{Started: new(true), State: runningSince(20)})), state: "Starting", reason: "Started", recheck: 40 * time.Second},
		{name: "its startup probe still tries", carrel: carrel(container(corev1.ContainerStatus{Started: new(false), State: runningSince(600)})), state: "Starting", reason: "Started", recheck: 14 * time.Minute},
		{name: "it does not answer", carrel: carrel(container(corev1.ContainerStatus{Started: new(true), State: runningSince(90)})), state: "Failing", reason: "NotAnswering", words: []string{`"ide"`, "readiness probe"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := health.Judge(test.carrel)
			if got.State != test.state || got.Reason != test.reason || got.Ready != test.ready || got.Recheck != test.recheck {
				t.Errorf("%+v, want %s for %s, ready %v, to be looked at again after %v", got, test.state, test.reason, test.ready, test.recheck)
			}
			if got.Stalled {
				t.Error("Stalled, and a carrel that has its objects never is")
			}
			for _, words := range test.words {
				if !strings.Contains(got.Message, words) {
					t.Errorf("the message does not say %q: %s", words, got.Message)
				}
			}
			if got.Message == "" || test.not != "" && strings.Contains(got.Message, test.not) {
				t.Errorf("the message is empty or says %q: %q", test.not, got.Message)
			}
			if got.State == v1alpha1.StateRunning != got.Ready && got.State != v1alpha1.StateDisabled {
				t.Errorf("Running and Ready do not agree: %+v", got)
			}
		})
	}
}

// Every state that waits becomes a trouble with a cause in the end.
func TestJudgeInTime(t *testing.T) {
	deployed := func(kind appsv1.DeploymentConditionType, reason, message string) func(*health.Carrel) {
		return func(c *health.Carrel) {
			c.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastUpdateTime: ago(3600)}}
		}
	}
	noPods := func(c *health.Carrel) {
		c.Pods = nil
		c.Deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 2}
	}
	since := func(seconds int) func(*health.Carrel) {
		return func(c *health.Carrel) {
			c.Since = ago(seconds).Time
			for i := range c.Pods {
				c.Pods[i].CreationTimestamp = ago(seconds)
				c.Pods[i].Status.Conditions[0].LastTransitionTime = ago(seconds)
			}
		}
	}
	ending := func(since int) func(*health.Carrel) {
		return func(c *health.Carrel) { c.Pods[0].DeletionTimestamp = new(ago(since)) }
	}
	noNode := func(c *health.Carrel) { c.Pods[0].Spec.NodeName = "" }
	noSandbox := func(c *health.Carrel) {
		c.Pods[0].Status.Conditions = append(c.Pods[0].Status.Conditions, corev1.PodCondition{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse})
	}
	stopped := func(c *health.Carrel) { c.Presence = health.Disabled }
	evicted := func(c *health.Carrel) {
		pod := corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "the node was low on ephemeral-storage"}}
		pod.CreationTimestamp = ago(50)
		c.Pods = append(c.Pods, pod)
	}
	silent := func(c *health.Carrel) {
		container(corev1.ContainerStatus{Ready: true, Started: new(true), State: runningSince(3600)})(c)
	}
	for _, test := range []struct {
		name          string
		carrel        health.Carrel
		state, reason string
		words         []string
		recheck       time.Duration
	}{
		{name: "a ConfigMap on its way", carrel: carrel(since(10), container(corev1.ContainerStatus{State: waiting("CreateContainerConfigError", `configmap "ide" not found`)})),
			state: "Starting", reason: "Preparing", recheck: 20 * time.Second},
		{name: "a reason that nobody knows", carrel: carrel(container(corev1.ContainerStatus{State: waiting("CreatePodSandboxError", "no address is left")})),
			state: "Failing", reason: "ContainerConfigError", words: []string{"no address is left"}},
		{name: "nobody acts on Deployments", carrel: carrel(since(300), func(c *health.Carrel) { c.Deployment.Generation = 3 }), state: "Failing", reason: "PodNotMade", words: []string{"kube-controller-manager"}},
		{name: "nobody makes pods", carrel: carrel(noPods, since(300)), state: "Failing", reason: "PodNotMade", words: []string{"kube-controller-manager"}},
		{name: "the Deployment says why no pod is made", carrel: carrel(noPods, since(300), deployed(appsv1.DeploymentProgressing, "ProgressDeadlineExceeded", `ReplicaSet "x" has timed out progressing.`)),
			state: "Failing", reason: "PodNotMade", words: []string{"timed out progressing"}},
		{name: "the Deployment has just given up", carrel: carrel(noPods, deployed(appsv1.DeploymentProgressing, "ProgressDeadlineExceeded", `ReplicaSet "x" has timed out progressing.`), func(c *health.Carrel) {
			c.Deployment.Status.Conditions[0].LastUpdateTime = ago(1)
		}), state: "Failing", reason: "PodNotMade", words: []string{"timed out progressing"}},
		{name: "the Deployment gave up in a former start", carrel: carrel(noPods, deployed(appsv1.DeploymentProgressing, "ProgressDeadlineExceeded", `ReplicaSet "x" has timed out progressing.`)),
			state: "Starting", reason: "Starting", recheck: 4 * time.Minute},
		{name: "a ReplicaSet that is refused", carrel: carrel(noPods, deployed(appsv1.DeploymentProgressing, "ReplicaSetCreateError", `replicasets.apps "x" is forbidden: exceeded quota: course`)),
			state: "Failing", reason: "PodRefused", words: []string{"exceeded quota: course"}},
		{name: "a pod that still ends", carrel: carrel(ending(10)), state: "Starting", reason: "Starting", recheck: 50 * time.Second},
		{name: "a pod that does not end", carrel: carrel(ending(60)), state: "Failing", reason: "PodNotEnding", words: []string{`"hanako-1"`, `node "node"`, "start it"}},
		{name: "stopping", carrel: carrel(stopped, ending(10)), state: "Disabled", reason: "Stopping", recheck: 50 * time.Second},
		{name: "it does not stop", carrel: carrel(stopped, ending(60)), state: "Failing", reason: "PodNotEnding"},
		{name: "nobody schedules", carrel: carrel(noNode, since(300)), state: "Failing", reason: "Unschedulable", words: []string{"kube-scheduler"}},
		{name: "its node is just silent", carrel: carrel(silent, func(c *health.Carrel) { c.Pods[0].Status.Conditions[0].LastTransitionTime = ago(20) }), state: "Starting", reason: "Started", recheck: 40 * time.Second},
		{name: "its node is lost", carrel: carrel(silent), state: "Failing", reason: "NodeLost", words: []string{`node "node"`, "start it"}},
		{name: "a volume that is not attached", carrel: carrel(noSandbox, since(300)), state: "Failing", reason: "VolumeNotAttached", words: []string{"hanako--home", "kubectl describe pod hanako-1"}},
		{name: "a volume that is attached a moment later", carrel: carrel(noSandbox, since(240)), state: "Starting", reason: "Preparing", recheck: time.Minute},
		{name: "an image that is pulled for ever", carrel: carrel(since(900)), state: "Failing", reason: "StartingTooLong", words: []string{`node "node"`, "15 minutes"}},
		{name: "a program that hangs", carrel: carrel(since(1000), container(corev1.ContainerStatus{Started: new(false), State: runningSince(900)})),
			state: "Failing", reason: "NotAnswering", words: []string{"15 minutes", "logs"}},
		{name: "the pod before it was evicted", carrel: carrel(evicted), state: "Starting", reason: "Preparing", words: []string{"Evicted", "ephemeral-storage"}, recheck: 14 * time.Minute},
		{name: "one pod after the other is evicted", carrel: carrel(evicted, evicted), state: "Failing", reason: "PodEnded", words: []string{"Evicted", "ephemeral-storage"}},
		{name: "a pod that is new after a long trouble", carrel: carrel(since(10), func(c *health.Carrel) { c.Since = ago(7200).Time }), state: "Starting", reason: "Preparing", recheck: 890 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := health.Judge(test.carrel)
			if got.State != test.state || got.Reason != test.reason || got.Recheck != test.recheck {
				t.Errorf("%+v, want %s for %s, to be looked at again after %v", got, test.state, test.reason, test.recheck)
			}
			for _, words := range test.words {
				if !strings.Contains(got.Message, words) {
					t.Errorf("the message does not say %q: %s", words, got.Message)
				}
			}
		})
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	got := health.Judge(carrel(container(corev1.ContainerStatus{State: waiting("CreateContainerError", strings.Repeat("長い ", 1000))})))
	if n := len([]rune(got.Message)); n > 400 || !strings.HasSuffix(got.Message, "…") {
		t.Errorf("a message of %d characters, want it cut", n)
	}
}
