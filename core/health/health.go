// Package health says how a carrel is doing, in words a teacher understands,
// from its Deployment, pods and claims. It is pure: the time is an argument.
package health

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Carrel is all that the judgement rests on.
type Carrel struct {
	// Presence is what it is meant to be.
	Presence Presence
	// Deployment is the one applied last.
	Deployment *appsv1.Deployment
	// Pods are those of the Userland, also of former Deployments.
	Pods []corev1.Pod
	// Claims are those its pods mount.
	Claims []corev1.PersistentVolumeClaim
	// MissingClasses has the names of the storage classes that claims wait for and that
	// do not exist.
	MissingClasses map[string]bool
	// Since is since when it has not been as it is meant to be; zero if that is not
	// known.
	Since time.Time
	// Now is when it is looked at.
	Now time.Time
}

// Finding is what there is to say about a carrel.
type Finding struct {
	// State, Reason and Message go into the status as they are.
	State, Reason, Message string
	// Ready is whether the carrel is as its spec asks.
	Ready bool
	// Stalled is whether it stays as it is until a person acts on the spec.
	Stalled bool
	// Recheck is when to look again though nothing happened; 0: never.
	Recheck time.Duration
}

// checks are asked in turn; the first with something to say is heard.
var checks = []func(Carrel) *Finding{
	disabled,
	asleep,
	queued,
	notObserved,
	running,
	podRefused,
	claimLost,
	keepsEnding,
	noPod,
	nodeLost,
	containerTrouble,
	unscheduled,
	notAnswering,
}

// Judge says how a carrel is doing.
func Judge(c Carrel) Finding {
	for _, check := range checks {
		if finding := check(c); finding != nil {
			return inTime(*finding, c)
		}
	}
	return inTime(*starting(0), c)
}

// inTime says more about a carrel that is starting: the step that takes its time, and
// what is wrong if that is too long.
func inTime(found Finding, c Carrel) Finding {
	if found.State != v1alpha1.StateStarting {
		return found
	}
	return overdue(withEnded(told(found, c), c), c)
}

// starting has but one wording: told says more of what takes its time.
func starting(recheck time.Duration) *Finding {
	return &Finding{State: v1alpha1.StateStarting, Reason: v1alpha1.StartingReason, Message: "the carrel is starting", Recheck: recheck}
}

func failing(reason, message string) *Finding {
	return &Finding{State: v1alpha1.StateFailing, Reason: reason, Message: message}
}

// after is the finding once a trouble has lasted, and Starting until then: most
// troubles of a start pass by themselves within seconds.
func after(grace time.Duration, since, now time.Time, finding *Finding) *Finding {
	if rest := grace - now.Sub(since); rest > 0 {
		return starting(rest)
	}
	return finding
}
