package v1alpha1

import "k8s.io/apimachinery/pkg/util/intstr"

// RosterSource names the source of a roster's rows.
type RosterSource struct {
	// configMap is the name of a ConfigMap in this namespace with the label
	// carrel.dev/roster: "true". Each of its keys is a CSV file. The first line
	// names the columns: user, and any of name, template, section, team and enabled.
	// kustomize's configMapGenerator makes such a ConfigMap from files.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ConfigMap string `json:"configMap"`
}

// Guard keeps a mistake from removing a class.
type Guard struct {
	// maxRemovals is the maximum number of Userlands that changes of the rosters may
	// remove within 7 days: a number, or a percentage of the largest class since a
	// removal was last confirmed, which is never less than 3. A Userland that a row
	// brings back counts no more. A change that would remove more, or everybody,
	// removes nobody until it is confirmed. More than 10,000 always need a
	// confirmation. Defaults to 10%.
	// +optional
	// +kubebuilder:default="10%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",message="must be a number of at least 0, or a percentage from 0% to 100%"
	MaxRemovals *intstr.IntOrString `json:"maxRemovals,omitempty"`

	// confirm allows one change that is held. Its value is the word that the
	// condition Held of the Course asks for, and fits no other change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Confirm string `json:"confirm,omitempty"`
}

// RosterStatus is the result of reading the rosters.
type RosterStatus struct {
	// digest is the digest of the rosters when they last took effect completely. It
	// is empty before the first time.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Digest string `json:"digest,omitempty"`

	// rows is the number of rows in the rosters when they last took effect
	// completely. It includes rows for which a file takes precedence.
	// +optional
	Rows int32 `json:"rows,omitempty"`

	// largest is the largest number of Userlands that came from rows since a removal
	// was last confirmed. The guard compares removals with it.
	// +optional
	Largest int32 `json:"largest,omitempty"`

	// gone lists the Userlands that changes of the rosters removed within the last 7
	// days and since a removal was last confirmed, by day, without those that rows
	// brought back.
	// +optional
	// +listType=map
	// +listMapKey=day
	// +kubebuilder:validation:MaxItems=8
	Gone []GoneUserlands `json:"gone,omitempty"`

	// held is the removal that waits for confirmation.
	// +optional
	Held *HeldRemoval `json:"held,omitempty"`

	// errorCount is the number of errors in the rosters. While it is not zero, no
	// change of the rosters takes effect.
	// +optional
	ErrorCount int32 `json:"errorCount,omitempty"`

	// errors are the first 20 errors.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Errors []RosterProblem `json:"errors,omitempty"`

	// warningCount is the number of warnings. Warnings stop nothing.
	// +optional
	WarningCount int32 `json:"warningCount,omitempty"`

	// warnings are the first 20 warnings.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Warnings []RosterProblem `json:"warnings,omitempty"`
}

// GoneUserlands are the Userlands that changes of the rosters removed on one day.
type GoneUserlands struct {
	// day is the day in UTC, such as 2026-11-27.
	// +required
	// +kubebuilder:validation:MaxLength=10
	Day string `json:"day"`
	// carrels are digests of user and Template. They name nobody.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MaxLength=8
	Carrels []string `json:"carrels"`
}

// HeldRemoval is a removal that waits for confirmation.
type HeldRemoval struct {
	// removals is the number of Userlands that would be removed.
	// +required
	Removals int32 `json:"removals"`
	// before is the number of other Userlands that the rosters removed within the
	// 7 days before. They count, too.
	// +optional
	Before int32 `json:"before,omitempty"`
	// of is the largest number of Userlands that came from rows since a removal was
	// last confirmed.
	// +required
	Of int32 `json:"of"`
	// confirm is the value of spec.guard.confirm that confirms the removal.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Confirm string `json:"confirm"`
}

// RosterProblem is an error or a warning about a roster. It does not name a
// student.
type RosterProblem struct {
	// file is the key of the ConfigMap. If several ConfigMaps have the key, the
	// ConfigMap's name precedes it.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	File string `json:"file,omitempty"`
	// line counts from 1. Zero stands for the whole file.
	// +optional
	Line int32 `json:"line,omitempty"`
	// column is the number of the cell in its line, counted from 1. Zero stands for
	// the whole line.
	// +optional
	Column int32 `json:"column,omitempty"`
	// header is the name of the column.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Header string `json:"header,omitempty"`
	// cause describes the mistake.
	// +required
	// +kubebuilder:validation:MaxLength=4096
	Cause string `json:"cause"`
	// cure describes how to fix it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Cure string `json:"cure,omitempty"`
}
