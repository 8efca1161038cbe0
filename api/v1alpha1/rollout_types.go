package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// RolloutWhen selects when running carrels take a new revision of their Template.
// +kubebuilder:validation:Enum=OnNextStart;Immediate
type RolloutWhen string

const (
	// RolloutOnNextStart restarts nobody: a carrel takes the new revision when it
	// next starts. A carrel that is still starting or failing takes it at once,
	// because it has nothing to lose.
	RolloutOnNextStart RolloutWhen = "OnNextStart"
	// RolloutImmediate restarts running carrels, one first and then several at a
	// time. It stops while updated carrels fail.
	RolloutImmediate RolloutWhen = "Immediate"
)

// Rollout defines how running carrels take a new revision of their Template.
type Rollout struct {
	// when is OnNextStart or Immediate. Defaults to OnNextStart.
	// +optional
	// +kubebuilder:default=OnNextStart
	When RolloutWhen `json:"when,omitempty"`

	// maxUnavailable is the maximum number of carrels that a rollout may stop at
	// once: a number, or a percentage of the Template's carrels, rounded up. At
	// least one carrel is always allowed. Defaults to 10%.
	// +optional
	// +kubebuilder:default="10%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number of at least 1, or a percentage from 1% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// deadline limits how long a carrel may keep an old revision under OnNextStart,
	// in days (7d) or hours (12h) from the edit of the Template. After that it is
	// restarted, as under Immediate. Empty means no limit.
	// +optional
	// +kubebuilder:validation:MaxLength=6
	// +kubebuilder:validation:Pattern=`^[1-9][0-9]{0,4}[dh]$`
	Deadline string `json:"deadline,omitempty"`
}

// TemplateRevision is the revision of a Template that carrels take when they start.
type TemplateRevision struct {
	// name is the name of the ControllerRevision that stores the revision.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// since is the time at which the revision became current.
	// +required
	Since metav1.Time `json:"since"`
}

// TemplateUserlands counts the Userlands that use a Template.
type TemplateUserlands struct {
	// total is the number of Userlands.
	// +optional
	Total int32 `json:"total"`
	// updated is the number of Userlands on the present revision. It includes
	// stopped carrels, which take that revision when they start.
	// +optional
	Updated int32 `json:"updated"`
	// pending is the number of Userlands that run with an older revision.
	// +optional
	Pending int32 `json:"pending"`
	// failed is the number of updated Userlands that fail.
	// +optional
	Failed int32 `json:"failed"`
}
