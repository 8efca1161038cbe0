package errand

import (
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/room"
)

// World holds everything that the decision about the trial of one Template rests on.
type World struct {
	// Template is the Template, which is not being deleted.
	Template *v1alpha1.Template
	// Wanted is the name of the revision that this program makes of the Template. It
	// differs from the one in the status until the controller has accepted the Template.
	Wanted string
	// Volumes is the digest of the pvcSpecs of the Template.
	Volumes string
	// Course is the class; nil if there is none.
	Course *v1alpha1.Course
	// Over is true when the term of the Course is over.
	Over bool
	// Userlands are those of the class.
	Userlands []v1alpha1.Userland
	// Job is that of the present attempt; nil if there is none.
	Job *batchv1.Job
	// Leftovers are the other Jobs of this Template.
	Leftovers []batchv1.Job
	// Pods and Claims are those of Job.
	Pods   []corev1.Pod
	Claims []corev1.PersistentVolumeClaim
	// MissingClasses has the names of the storage classes that the claims wait for and
	// that do not exist.
	MissingClasses map[string]bool
	// Answer is what the API server answered; nil if it was not asked. It must be set
	// if MustAsk reports true.
	Answer *room.Answer
	// Now is the time.
	Now time.Time
}

// entry returns what is recorded about the present revision with the present volumes.
// The zero entry means that nothing is.
func (w World) entry() v1alpha1.TemplateTrial {
	for _, entry := range w.Template.Status.Trials {
		if entry.Revision == w.Wanted && entry.Volumes == w.Volumes {
			return entry
		}
	}
	return v1alpha1.TemplateTrial{Revision: w.Wanted, Volumes: w.Volumes}
}

// triedWithOtherVolumes reports whether the present revision was tried with other
// pvcSpecs. A carrel that runs may still have volumes of those.
func (w World) triedWithOtherVolumes() bool {
	for _, entry := range w.Template.Status.Trials {
		if entry.Revision == w.Wanted && entry.Volumes != w.Volumes {
			return true
		}
	}
	return false
}

// accepted reports whether carrels are made of the Template as it stands.
func (w World) accepted() bool {
	status := w.Template.Status
	return status.ObservedGeneration == w.Template.Generation && status.Revision != nil && status.Revision.Name == w.Wanted &&
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ReadyCondition)
}

// used reports whether a Userland or the Course uses the Template.
func (w World) used() bool {
	counts := w.Template.Status.Userlands
	return counts != nil && counts.Total > 0 || w.Course != nil && w.Course.Spec.TemplateName == w.Template.Name
}

// carrelStarted reports whether a student's carrel is ready with the present revision.
func (w World) carrelStarted() bool {
	for i := range w.Userlands {
		u := &w.Userlands[i]
		if of := u.Status.Template; of != nil && of.Name == w.Template.Name && of.Revision == w.Wanted &&
			u.Status.State == v1alpha1.StateRunning && meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
			return true
		}
	}
	return false
}

// carrelsStart reports whether students' carrels of the Template start now, or wait for
// their turn. They show more than a trial would.
func (w World) carrelsStart() bool {
	for i := range w.Userlands {
		u := &w.Userlands[i]
		if of := u.Status.Template; of != nil && of.Name == w.Template.Name &&
			(u.Status.State == v1alpha1.StateStarting || u.Status.State == v1alpha1.StateQueued) {
			return true
		}
	}
	return false
}

// jobName returns the name of the Job of the present attempt.
func (w World) jobName() string {
	return workload.TrialName(w.Template, w.Wanted, w.Volumes, w.entry().Attempts)
}

// settled reports whether nothing is left to do until the Template changes.
func (w World) settled() bool {
	return w.accepted() && w.entry().Outcome == v1alpha1.TrialStarted && w.Job == nil && len(w.Leftovers) == 0
}

// MustAsk reports whether the decision needs an Answer: a Job would be created now, or
// Kubernetes has made no pod for the Job that is there.
func (w World) MustAsk() bool {
	if w.Job != nil {
		return len(w.Pods) == 0 && w.Job.DeletionTimestamp == nil && w.Now.Sub(w.Job.CreationTimestamp.Time) >= podWithin
	}
	d := Decision{world: w, Trial: w.entry()}
	return d.beforeStart() == nil
}

// due reports whether another attempt may begin: it is time for it, or a person has
// asked for it since the last one.
func (w World) due() bool {
	entry := w.entry()
	if entry.RetryTime == nil || !w.Now.Before(entry.RetryTime.Time) {
		return true
	}
	requested, err := time.Parse(time.RFC3339, w.Template.Annotations[fluxmeta.ReconcileRequestAnnotation])
	return err == nil && requested.After(entry.Time.Time) && !requested.After(w.Now)
}

// judge returns what there is to say about the pod of the Job, in the words that a
// student's carrel would have.
func (w World) judge() health.Finding {
	return health.JudgePods(w.Pods, w.Claims, w.MissingClasses, w.Job.CreationTimestamp.Time, w.Now)
}
