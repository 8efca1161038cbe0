package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// UserlandSpec says whose carrel it is and which Template it follows.
type UserlandSpec struct {
	// user is the identity the user logs in with; empty means metadata.name. It
	// can't be changed afterwards: a volume belongs to one person.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	User string `json:"user,omitempty"`

	// templateName is the Template of this namespace to follow; empty means the
	// one named by the Course.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	TemplateName string `json:"templateName,omitempty"`

	// section is the part of the class the user is in, which sessions of the
	// Course's timetable may be for. May be empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Section string `json:"section,omitempty"`

	// enabled false stops the carrel and keeps its volumes.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
}

// UserlandStatus is how a carrel is doing.
type UserlandStatus struct {
	// observedGeneration is the generation of the spec that the rest of the
	// status speaks of; -1 before the controller has seen it.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// user is the login identity as resolved: spec.user, or metadata.name.
	// +optional
	User string `json:"user,omitempty"`

	// state is one word for how the carrel is doing: Running, Starting, Queued,
	// Asleep, Disabled, Failing, Waiting. More may come.
	// +optional
	State string `json:"state,omitempty"`

	// template is the Template, and its generation, the rest of the status
	// speaks of.
	// +optional
	Template *ObservedTemplate `json:"template,omitempty"`

	// address is where the carrel is reached inside the cluster, as
	// http://<service>.<namespace>.svc:<port>.
	// +optional
	Address string `json:"address,omitempty"`

	// lastActivityTime is when the user was last seen at work. Whoever brings
	// users to their carrels writes it, in coarse steps; on a carrel that is
	// asleep it is the call to start.
	// +optional
	LastActivityTime *metav1.Time `json:"lastActivityTime,omitempty"`

	// lastStartTime is when the controller last started the carrel.
	// +optional
	LastStartTime *metav1.Time `json:"lastStartTime,omitempty"`

	// queuedSince is since when the carrel waits for others to have started;
	// absent unless it is Queued. Its place is behind those of its course that are
	// Queued for longer.
	// +optional
	QueuedSince *metav1.Time `json:"queuedSince,omitempty"`

	// idleFrom is since when this carrel is under a Template that stops it for
	// idleness. What lies before does not count as idle.
	// +optional
	IdleFrom *metav1.Time `json:"idleFrom,omitempty"`

	// requests is what people ask of this carrel, written by others.
	// +optional
	Requests *Requests `json:"requests,omitempty"`

	// handled are the requests honoured last.
	// +optional
	Handled *HandledRequests `json:"handled,omitempty"`

	// conditions are Ready, Reconciling and Stalled, as kstatus defines them,
	// and UpdatePending while the carrel runs with an older revision of its
	// Template.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ObservedTemplate names a Template as it was when the controller looked.
type ObservedTemplate struct {
	// name of the Template.
	// +required
	Name string `json:"name"`
	// generation of the Template's spec; 0 when there is no such Template.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// revision is the one the carrel has been running with; empty while it is
	// stopped or on its first start with another.
	// +optional
	Revision string `json:"revision,omitempty"`
}

// Userland is one user's carrel.
//
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ul,categories=carrel
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.status.user`
// +kubebuilder:printcolumn:name="Template",type=string,JSONPath=`.status.template.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Active",type=date,JSONPath=`.status.lastActivityTime`,priority=1
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.status.address`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 50",message="metadata.name must be at most 50 characters, because Services, labels and host names made from it end at 63: shorten it, and put the full identity into spec.user"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be lower-case letters, digits and '-', beginning and ending with a letter or digit, because it becomes a host name: rename it, and put the full identity into spec.user"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('--')",message="metadata.name must not contain '--', which separates names in objects made from it: use a single '-', and put the full identity into spec.user"
// +kubebuilder:validation:XValidation:rule="(has(self.spec.user) && size(self.spec.user) > 0 ? self.spec.user : self.metadata.name) == (has(oldSelf.spec.user) && size(oldSelf.spec.user) > 0 ? oldSelf.spec.user : oldSelf.metadata.name)",fieldPath=".spec",message="user can't be changed, because the volumes belong to that person: delete this Userland (its volumes are kept) and add one of another name for the new user"
type Userland struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says whose carrel it is.
	// +optional
	// +kubebuilder:default={}
	Spec UserlandSpec `json:"spec,omitempty"`

	// status is how it is doing.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status UserlandStatus `json:"status,omitempty"`
}

// UserlandList is a list of Userlands.
//
// +kubebuilder:object:root=true
type UserlandList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Userland `json:"items"`
}

// User is the login identity: spec.user, or metadata.name where that is empty.
func (u *Userland) User() string {
	if u.Spec.User != "" {
		return u.Spec.User
	}
	return u.Name
}

// Enabled reports whether the carrel is meant to run; absent means yes.
func (u *Userland) Enabled() bool { return u.Spec.Enabled == nil || *u.Spec.Enabled }

// GetConditions returns the conditions of the status.
func (u *Userland) GetConditions() []metav1.Condition { return u.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (u *Userland) SetConditions(conditions []metav1.Condition) { u.Status.Conditions = conditions }
