package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// UserlandSpec defines the user of a carrel and its Template.
type UserlandSpec struct {
	// user is the identity with which the user logs in. Defaults to metadata.name.
	// It can't be changed, because the volumes belong to one person.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	User string `json:"user,omitempty"`

	// templateName is the Template of the carrel, in the same namespace. Defaults
	// to the templateName of the Course.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	TemplateName string `json:"templateName,omitempty"`

	// section is the user's part of the class, to which sessions of the Course's
	// timetable may be limited. It may be empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Section string `json:"section,omitempty"`

	// team is the group in which the user works, such as a pair. It is shown, and
	// changes nothing. It may be empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Team string `json:"team,omitempty"`

	// enabled is false to stop the carrel and keep its volumes. Defaults to true.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
}

// UserlandStatus is the observed state of a carrel.
type UserlandStatus struct {
	// observedGeneration is the generation of the spec that the rest of the status
	// describes. It is -1 before the controller has seen the Userland.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// user is the resolved login identity: spec.user, or metadata.name if that is
	// empty.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	User string `json:"user,omitempty"`

	// state summarizes the carrel in one word: Running, Starting, Queued, Asleep,
	// Disabled, Failing or Waiting. Later versions may add states.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	State string `json:"state,omitempty"`

	// template is the Template, with its generation, that the rest of the status
	// describes.
	// +optional
	Template *ObservedTemplate `json:"template,omitempty"`

	// address is the address of the carrel inside the cluster:
	// http://<service>.<namespace>.svc:<port>.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Address string `json:"address,omitempty"`

	// lastActivityTime is the time of the user's last known activity. The gateway,
	// or another proxy that brings users to their carrels, writes it in coarse
	// steps. Writing it on a carrel that is asleep starts the carrel.
	// +optional
	LastActivityTime *metav1.Time `json:"lastActivityTime,omitempty"`

	// lastStartTime is the time at which the controller last started the carrel.
	// +optional
	LastStartTime *metav1.Time `json:"lastStartTime,omitempty"`

	// queuedSince is the time since which the carrel waits to start. It is absent
	// unless the state is Queued, or Failing because the API server refused the start,
	// which is tried again in its turn. Carrels of the course that have waited longer
	// start first.
	// +optional
	QueuedSince *metav1.Time `json:"queuedSince,omitempty"`

	// idleFrom is the time since which the carrel's Template stops it for idleness.
	// Earlier time does not count as idle.
	// +optional
	IdleFrom *metav1.Time `json:"idleFrom,omitempty"`

	// lastHandledReconcileAt is the last value of the annotation
	// reconcile.fluxcd.io/requestedAt that the controller has handled, as in Flux's
	// own kinds.
	// +optional
	// +kubebuilder:validation:MaxLength=262144
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// requests are people's requests for this carrel. Other programs write them.
	// +optional
	Requests *Requests `json:"requests,omitempty"`

	// handled are the requests that were handled last.
	// +optional
	Handled *HandledRequests `json:"handled,omitempty"`

	// lastEnd describes how the carrel last ended by itself. It is absent if it never
	// did. A stop for idleness or on request does not count.
	// +optional
	LastEnd *LastEnd `json:"lastEnd,omitempty"`

	// conditions are Ready, Reconciling and Stalled, as kstatus defines them, and
	// UpdatePending while the carrel runs with an older revision of its Template.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// LastEnd describes the end of a container, or of the carrel's pod.
type LastEnd struct {
	// time states when the container or the pod ended.
	// +required
	Time metav1.Time `json:"time"`
	// container is the name of the container that ended. It is empty if the cluster
	// ended the whole pod.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container,omitempty"`
	// reason is the cluster's word for the cause, such as OOMKilled, Error, Completed
	// or Evicted.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Reason string `json:"reason,omitempty"`
	// exitCode is the exit code of the container.
	// +optional
	ExitCode int32 `json:"exitCode,omitempty"`
	// log holds the last lines that the container wrote, if its Template sets
	// terminationMessagePolicy: FallbackToLogsOnError, or what the container wrote to
	// its termination message.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Log string `json:"log,omitempty"`
}

// ObservedTemplate names a Template as the controller observed it.
type ObservedTemplate struct {
	// name is the name of the Template.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// generation is the generation of the Template's spec. It is 0 if the Template
	// does not exist.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// revision is the revision with which the carrel has been running. It is empty
	// while the carrel is stopped, or during its first start with another revision.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Revision string `json:"revision,omitempty"`
}

// Userland is the carrel of one user.
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

	// spec defines the user and the Template of the carrel.
	// +optional
	// +kubebuilder:default={}
	Spec UserlandSpec `json:"spec,omitempty"`

	// status is the observed state of the carrel.
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

// User returns the login identity: spec.user, or metadata.name if that is empty.
func (u *Userland) User() string {
	if u.Spec.User != "" {
		return u.Spec.User
	}
	return u.Name
}

// Enabled reports whether the carrel may run. It returns true if spec.enabled is
// nil.
func (u *Userland) Enabled() bool { return u.Spec.Enabled == nil || *u.Spec.Enabled }

// GetConditions returns the conditions of the status.
func (u *Userland) GetConditions() []metav1.Condition { return u.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (u *Userland) SetConditions(conditions []metav1.Condition) { u.Status.Conditions = conditions }
