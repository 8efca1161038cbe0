package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// RolloutWhen says when running carrels take a new revision of their Template.
// +kubebuilder:validation:Enum=OnNextStart;Immediate
type RolloutWhen string

const (
	// RolloutOnNextStart restarts nobody: a carrel takes the new revision when
	// it next starts. One that is still starting or is failing has nothing to
	// lose and takes it at once.
	RolloutOnNextStart RolloutWhen = "OnNextStart"
	// RolloutImmediate restarts running carrels, one first and then a few at a
	// time, and stops when those updated do not come up.
	RolloutImmediate RolloutWhen = "Immediate"
)

// Rollout says how running carrels take a new revision of their Template.
type Rollout struct {
	// when is OnNextStart or Immediate.
	// +optional
	// +kubebuilder:default=OnNextStart
	When RolloutWhen `json:"when,omitempty"`

	// maxUnavailable is how many carrels may be down for the roll-out at once: a
	// number, or a percentage of those that follow the Template, rounded up; at
	// least one.
	// +optional
	// +kubebuilder:default="10%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number of at least 1, or a percentage from 1% to 100%"
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// deadline is how long a carrel may go on with an old revision under
	// OnNextStart, in days (7d) or hours (12h), counted from when the Template
	// was edited; then it is restarted, as under Immediate. Empty means for as
	// long as it runs.
	// +optional
	// +kubebuilder:validation:Pattern=`^[1-9][0-9]{0,4}[dh]$`
	Deadline string `json:"deadline,omitempty"`
}

// TemplateRevision is the revision of a Template that carrels take when they
// start.
type TemplateRevision struct {
	// name of the ControllerRevision that keeps it.
	// +required
	Name string `json:"name"`
	// since is when the Template came to it.
	// +required
	Since metav1.Time `json:"since"`
}

// TemplateUserlands counts the Userlands that follow a Template.
type TemplateUserlands struct {
	// total is how many there are.
	// +optional
	Total int32 `json:"total"`
	// updated is how many follow its present revision, those that are stopped
	// included, since they take it when they start.
	// +optional
	Updated int32 `json:"updated"`
	// pending is how many run with an older revision.
	// +optional
	Pending int32 `json:"pending"`
	// failed is how many of the updated ones fail.
	// +optional
	Failed int32 `json:"failed"`
}
