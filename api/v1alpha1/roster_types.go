package v1alpha1

import "k8s.io/apimachinery/pkg/util/intstr"

// RosterSource is where rows of a roster come from.
type RosterSource struct {
	// configMap is the name of a ConfigMap of this namespace that is labelled
	// carrel.dev/roster: "true". Each of its keys is a CSV file whose first line
	// names its columns: user, and any of name, template, section, enabled.
	// kustomize's configMapGenerator makes such a ConfigMap of files.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ConfigMap string `json:"configMap"`
}

// Guard keeps a slip from removing a class.
type Guard struct {
	// maxRemovals is how many Userlands at most one change of the rosters may
	// remove: a number, or a percentage of those there are, which is never less
	// than 3. A change that would remove more, or everybody, removes nobody until
	// it is confirmed.
	// +optional
	// +kubebuilder:default="10%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",message="must be a number of at least 0, or a percentage from 0% to 100%"
	MaxRemovals *intstr.IntOrString `json:"maxRemovals,omitempty"`

	// confirm lets one change pass that is held: it is the word that the
	// condition Held of the Course asks for, and fits no other change.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Confirm string `json:"confirm,omitempty"`
}

// RosterStatus is what became of the rosters.
type RosterStatus struct {
	// digest is that of the rosters as they were when last brought about in full;
	// empty before the first time.
	// +optional
	Digest string `json:"digest,omitempty"`

	// rows counts the rows of the rosters when last brought about in full, those
	// left to files of their own included.
	// +optional
	Rows int32 `json:"rows,omitempty"`

	// held is the removal that waits for a confirmation.
	// +optional
	Held *HeldRemoval `json:"held,omitempty"`

	// errorCount is how many errors the rosters have. With any, nothing of them
	// is brought about.
	// +optional
	ErrorCount int32 `json:"errorCount,omitempty"`

	// errors are the first 20 of them.
	// +optional
	// +listType=atomic
	Errors []RosterProblem `json:"errors,omitempty"`

	// warningCount is how many warnings there are. They stop nothing.
	// +optional
	WarningCount int32 `json:"warningCount,omitempty"`

	// warnings are the first 20 of them.
	// +optional
	// +listType=atomic
	Warnings []RosterProblem `json:"warnings,omitempty"`
}

// HeldRemoval is a removal that is held.
type HeldRemoval struct {
	// removals is how many Userlands would go.
	// +required
	Removals int32 `json:"removals"`
	// of is how many there are by rows.
	// +required
	Of int32 `json:"of"`
	// confirm is what spec.guard.confirm must be for them to go.
	// +required
	Confirm string `json:"confirm"`
}

// RosterProblem is something wrong with a roster. It names no student.
type RosterProblem struct {
	// file is the key of the ConfigMap, with the ConfigMap's name before it where
	// several have such a key.
	// +optional
	File string `json:"file,omitempty"`
	// line counts from 1; 0 is the file as a whole.
	// +optional
	Line int32 `json:"line,omitempty"`
	// column is the number of the cell in its line, from 1; 0 is the line as a
	// whole.
	// +optional
	Column int32 `json:"column,omitempty"`
	// header is the name of the column.
	// +optional
	Header string `json:"header,omitempty"`
	// cause is what is wrong.
	// +required
	Cause string `json:"cause"`
	// cure is what to do about it.
	// +optional
	Cure string `json:"cure,omitempty"`
}
