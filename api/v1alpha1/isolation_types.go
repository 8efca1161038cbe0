package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsolationStatus records what the canary of a course has found out. The canary is a
// pod of the course that belongs to no student and tries to connect where students'
// pods must not. The condition Isolated describes what it found.
type IsolationStatus struct {
	// attempts counts the canaries that are over, or could not start.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`
	// failures counts the attempts without an answer since the last one with an answer.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Failures int32 `json:"failures,omitempty"`
	// time is the time at which the last attempt ended.
	// +required
	Time metav1.Time `json:"time"`
	// provenTime is the time at which a canary last found out whether the course is
	// isolated. It is absent if none has.
	// +optional
	ProvenTime *metav1.Time `json:"provenTime,omitempty"`
	// policies is a digest of the NetworkPolicies of the course as they were at
	// provenTime. The course is tried again when they change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Policies string `json:"policies,omitempty"`
	// retryTime is the time from which the course is tried again, as soon as one of its
	// carrels runs.
	// +required
	RetryTime metav1.Time `json:"retryTime"`
}

// Reasons in the Isolated condition of a Course.
const (
	// IsolatedReason means that a canary reached nothing that must be closed.
	IsolatedReason = "Isolated"
	// OpenReason means that a canary reached something that must be closed. The message
	// names it, and the cure.
	OpenReason = "Open"
	// NotTriedReason means that no canary could find out whether the course is isolated.
	// The message names the cause. It is tried again.
	NotTriedReason = "NotTried"
)
