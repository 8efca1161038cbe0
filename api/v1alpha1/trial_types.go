package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TrialWhen selects when a new revision of a Template is tried. Later versions may
// add values.
// +kubebuilder:validation:Enum="";Never
type TrialWhen string

// TrialNever turns trials off. No pod is started but those of students.
const TrialNever TrialWhen = "Never"

// TemplateTrial is the outcome of the trial of one revision of a Template.
type TemplateTrial struct {
	// revision is the name of the ControllerRevision that was tried.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Revision string `json:"revision"`
	// outcome is Running, Started, Failed or NotTried. Later versions may add outcomes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Outcome string `json:"outcome"`
	// reason is the cause in one word, such as ImagePullBackOff.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message describes the outcome in a sentence for teachers.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// time records the moment at which the outcome was found. If the outcome is Running,
	// it records the moment at which the reason began to hold.
	// +required
	Time metav1.Time `json:"time"`
	// attempts counts the trials of this revision that are over, or found no room.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`
	// retryTime records the moment at which the revision will be tried again. It is
	// absent if the outcome is final, or if something else must change first.
	// +optional
	RetryTime *metav1.Time `json:"retryTime,omitempty"`
	// volumes is a digest of the pvcSpecs that were tried. They are not part of the
	// revision, and the revision is tried again when they change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Volumes string `json:"volumes,omitempty"`
}

// Outcomes of a trial, in Template.status.trials. The set is open: later versions may
// add outcomes, and readers must show unknown ones as they are.
const (
	// TrialRunning means that the trial has no outcome yet. It runs, or waits for its
	// turn. The reason and the message describe how far it has got.
	TrialRunning = "Running"
	// TrialStarted means that all containers of the revision became ready, in a trial or
	// in a student's carrel.
	TrialStarted = "Started"
	// TrialFailed means that the revision can't start, for a cause that does not go away
	// by itself. The reason and the message name the cause.
	TrialFailed = "Failed"
	// TrialNotTried means that there was no room or no occasion for the trial. It says
	// nothing about the revision. The trial is tried again later.
	TrialNotTried = "NotTried"
)

// Reasons of the outcomes of a trial. An outcome may also have the reason that a
// student's carrel would have.
const (
	// TrialStartedReason means that the pod of the trial became ready.
	TrialStartedReason = "TrialStarted"
	// CarrelStartedReason means that a student's carrel became ready with the revision.
	CarrelStartedReason = "CarrelStarted"
	// StudentsFirstReason means that the trial waits for students' carrels to start.
	StudentsFirstReason = "StudentsFirst"
	// QuotaFullReason means that the quota of the course has no room for the trial.
	QuotaFullReason = "QuotaFull"
	// NoRoomReason means that no node has room for the trial.
	NoRoomReason = "NoRoom"
	// TurnedOffReason means that spec.trial of the Template is Never.
	TurnedOffReason = "TurnedOff"
	// UnusedReason means that no Userland and no Course uses the Template.
	UnusedReason = "Unused"
)
