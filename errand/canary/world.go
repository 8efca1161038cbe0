// Package canary finds out whether the pods of a course are apart from each other and
// from the cluster. NetworkPolicies say so, but whether something enforces them shows
// only when a pod tries. A canary is an errand: a Job of the course, whose pod tries to
// connect to what must be closed.
//
// Course.status.isolation holds how many attempts are over, and the name of a Job is made
// of that number, so a process that is killed at any moment finds the Job of its attempt
// again. [Decide] is pure. The reconciler reads a [World], decides, acts, and writes the
// condition Isolated and status.isolation, which no other program writes.
package canary

import (
	"slices"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/room"
)

// World holds everything that the decision about the canary of one Course rests on.
type World struct {
	// Course is the class, which is not being deleted.
	Course *v1alpha1.Course
	// Userlands are those of the class.
	Userlands []v1alpha1.Userland
	// Policies is a digest of the NetworkPolicies of the course.
	Policies string
	// Job is that of the present attempt; nil if there is none.
	Job *batchv1.Job
	// Leftovers are the Jobs of other attempts.
	Leftovers []batchv1.Job
	// Pods are the pods of Job.
	Pods []corev1.Pod
	// Plan is the Job to create, and what the API server answered about it; nil if it was
	// not made. It must be set if MustPlan reports true.
	Plan *Plan
	// Now is the time.
	Now time.Time
}

// Plan is what is known before a Job is created.
type Plan struct {
	// Job is the Job; nil if Problem or Answer.Busy is set.
	Job *batchv1.Job
	// Answer is what the API server answered about its pod.
	Answer room.Answer
	// Problem says why there can be no Job; empty if there can.
	Problem string
}

// recorded returns what is recorded about the course. The zero value means that nothing
// is.
func (w World) recorded() v1alpha1.IsolationStatus {
	if w.Course.Status.Isolation == nil {
		return v1alpha1.IsolationStatus{}
	}
	return *w.Course.Status.Isolation.DeepCopy()
}

// condition returns the condition Isolated; nil if there is none.
func (w World) condition() *metav1.Condition {
	return meta.FindStatusCondition(w.Course.Status.Conditions, v1alpha1.IsolatedCondition)
}

// jobName returns the name of the Job of the present attempt.
func (w World) jobName() string {
	return workload.CanaryName(w.Course, w.Policies, w.recorded().Attempts)
}

// due reports whether an attempt may begin: it is time for it, the NetworkPolicies have
// changed since the last answer, or a person has asked for it since the last attempt.
func (w World) due() bool {
	recorded := w.recorded()
	if !w.Now.Before(recorded.RetryTime.Time) || recorded.Failures == 0 && recorded.Policies != w.Policies {
		return true
	}
	requested, err := time.Parse(time.RFC3339, w.Course.Annotations[fluxmeta.ReconcileRequestAnnotation])
	return err == nil && requested.After(recorded.Time.Time) && !requested.After(w.Now)
}

// anyIn reports whether a carrel of the class is in one of the states.
func (w World) anyIn(states ...string) bool {
	return slices.ContainsFunc(w.Userlands, func(u v1alpha1.Userland) bool { return slices.Contains(states, u.Status.State) })
}

// MustPlan reports whether the decision needs a Plan: a Job would be created now.
func (w World) MustPlan() bool {
	d := newDecision(w)
	return w.Job == nil && !d.any(beforeJob) && !d.any(withoutJob)
}
