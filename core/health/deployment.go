package health

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func disabled(c Carrel) *Finding {
	if c.Presence != Disabled && c.Presence != Over {
		return nil
	}
	if len(alive(c.Pods)) > 0 || c.Deployment != nil && c.Deployment.Status.Replicas > 0 {
		return stopping(c)
	}
	if c.Presence == Over {
		return &Finding{State: v1alpha1.StateDisabled, Reason: v1alpha1.TermOverReason, Ready: true,
			Message: "stopped, since the term is over; its volumes are kept"}
	}
	return &Finding{State: v1alpha1.StateDisabled, Reason: v1alpha1.DisabledReason, Ready: true,
		Message: "stopped by enabled: false; its volumes are kept"}
}

// stopping is no trouble for as long as pods may take to end.
func stopping(c Carrel) *Finding {
	found := Finding{State: v1alpha1.StateDisabled, Reason: v1alpha1.StoppingReason, Message: "the carrel is stopping"}
	if pod := ending(c.Pods); pod != nil {
		found = notEnding(pod).orTrouble(found, c.Now)
	}
	return &found
}

// asleep is Ready at once, while the pod may still be ending: nobody waits for
// it, and whoever comes now waits for a start either way.
func asleep(c Carrel) *Finding {
	if c.Presence != Asleep {
		return nil
	}
	if c.Deployment == nil {
		return &Finding{State: v1alpha1.StateAsleep, Reason: v1alpha1.AsleepReason, Ready: true,
			Message: "stopped until its user comes, and made then; its volumes are kept"}
	}
	return &Finding{State: v1alpha1.StateAsleep, Reason: v1alpha1.AsleepReason, Ready: true,
		Message: "stopped until its user comes; its volumes are kept"}
}

// queued has one wording for every place in the queue: a class that starts would
// cost a write for each step of each carrel.
func queued(c Carrel) *Finding {
	if c.Presence != Queued {
		return nil
	}
	return &Finding{State: v1alpha1.StateQueued, Reason: v1alpha1.QueuedReason,
		Message: "the carrel starts when it is its turn: as many of the course are starting as its spec.maxStarting says"}
}

// notObserved keeps a status of the Deployment from speaking for a spec it does
// not know yet.
func notObserved(c Carrel) *Finding {
	if c.Deployment == nil || c.Deployment.Status.ObservedGeneration < c.Deployment.Generation {
		return starting(0)
	}
	return nil
}

func running(c Carrel) *Finding {
	if !available(c.Deployment) {
		return nil
	}
	ready := &Finding{State: v1alpha1.StateRunning, Reason: v1alpha1.RunningReason, Message: "the carrel answers", Ready: true}
	pod := newest(c.Pods)
	if pod == nil {
		return ready
	}
	// The Deployment learns of its pod a moment later than we do.
	if !podReady(pod) || crashLoop(pod, c.Now) != nil {
		return nil
	}
	return ready
}

// Answers reports whether a pod is ready that is made as the Deployment says now. There
// may be no Deployment.
func Answers(d *appsv1.Deployment) bool {
	return d != nil && d.Status.ObservedGeneration >= d.Generation && available(d)
}

// available is about the pod the Deployment wants now, not one of an older
// revision that still answers.
func available(d *appsv1.Deployment) bool {
	s := d.Status
	return s.UpdatedReplicas >= 1 && s.Replicas == s.UpdatedReplicas && s.ReadyReplicas >= 1 && s.AvailableReplicas >= 1
}

// podRefused passes on that a pod, or the ReplicaSet that would make it, can't be
// created.
func podRefused(c Carrel) *Finding {
	for _, condition := range c.Deployment.Status.Conditions {
		switch {
		case condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue:
			return failing(v1alpha1.PodRefusedReason, fmt.Sprintf(
				"the cluster refuses the pod (a quota or Pod Security): %s", shorten(withoutPodName(condition.Message))))
		case condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse && condition.Reason == replicaSetRefused:
			return failing(v1alpha1.PodRefusedReason, fmt.Sprintf(
				"the cluster refuses the ReplicaSet of the pod (a quota or a policy): %s", shorten(condition.Message)))
		}
	}
	return nil
}

// replicaSetRefused is the reason that the controller of Deployments gives if it can't
// create a ReplicaSet. Only k8s.io/kubernetes has a name for it.
const replicaSetRefused = "ReplicaSetCreateError"

func noPod(c Carrel) *Finding {
	if newest(c.Pods) == nil {
		return starting(0)
	}
	return nil
}
